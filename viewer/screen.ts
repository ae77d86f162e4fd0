import { colorTable, type Range } from './false-color.js';
import type { View } from './view-transform.js';

/** Which of the pictures is meant: noisy and denoised, and the same of the frame before. */
export const SLOTS = ['noisy', 'denoised', 'noisyBefore', 'denoisedBefore'] as const;
export type Slot = (typeof SLOTS)[number];

export const CURVES = ['filmic', 'srgb'] as const;

/** How values become colours. */
export const MODES = ['light', 'direction', 'value', 'flicker'] as const;

export interface Look {
  readonly view: View;
  /** Share of the screen that shows the noisy picture, from the left. */
  readonly split: number;
  readonly mode: (typeof MODES)[number];
  /** Stops. */
  readonly exposure: number;
  readonly curve: (typeof CURVES)[number];
  readonly range: Range;
}

const VERTEX = `#version 300 es
void main() {
  gl_Position = vec4(gl_VertexID == 1 ? 3.0 : -1.0, gl_VertexID == 2 ? 3.0 : -1.0, 0.0, 1.0);
}`;

// The curves are those of src/image/tonemap.ts.
const FRAGMENT = `#version 300 es
precision highp float;
precision highp sampler2D;
uniform sampler2D noisy, denoised, noisyBefore, denoisedBefore, colors;
uniform vec2 offset, size, range;
uniform float scale, split, screenHeight, gain;
uniform int mode, curve;
out vec4 color;

vec3 display(vec3 light) {
  vec3 x = clamp(light * gain, 0.0, 1e6);
  if (curve == 0) x = (x * (2.51 * x + 0.03)) / (x * (2.43 * x + 0.59) + 0.14);
  x = min(x, 1.0);
  return mix(1.055 * pow(x, vec3(1.0 / 2.4)) - 0.055, 12.92 * x, lessThanEqual(x, vec3(0.0031308)));
}

vec3 ramp(float share) {
  return texelFetch(colors, ivec2(int(clamp(share, 0.0, 1.0) * 255.0 + 0.5), 0), 0).rgb;
}

float brightness(vec3 light) {
  return dot(display(light), vec3(0.2126, 0.7152, 0.0722));
}

vec3 pixel(ivec2 at, bool left) {
  vec3 value = left ? texelFetch(noisy, at, 0).rgb : texelFetch(denoised, at, 0).rgb;
  if (mode == 0) return display(value);
  if (mode == 1) return 0.5 + 0.5 * clamp(value, -1.0, 1.0);
  if (mode == 2) return ramp((value.r - range.x) / (range.y - range.x));
  vec3 before = left ? texelFetch(noisyBefore, at, 0).rgb : texelFetch(denoisedBefore, at, 0).rgb;
  return ramp((abs(brightness(value) - brightness(before)) - range.x) / (range.y - range.x));
}

void main() {
  vec2 screen = vec2(gl_FragCoord.x, screenHeight - gl_FragCoord.y);
  vec2 place = (screen - offset) / scale;
  if (place.x < 0.0 || place.y < 0.0 || place.x >= size.x || place.y >= size.y) {
    color = vec4(0.0);
    return;
  }
  bool left = screen.x < split;
  // Where pixels are smaller than those of the screen, the mean of what is shown of some of them.
  int count = clamp(int(ceil(1.0 / scale)), 1, 6);
  vec3 sum = vec3(0.0);
  for (int y = 0; y < count; y++) {
    for (int x = 0; x < count; x++) {
      vec2 step = (vec2(x, y) + 0.5) / float(count) - 0.5;
      vec2 at = count == 1 ? place : place + step / scale;
      sum += pixel(ivec2(clamp(at, vec2(0.0), size - 1.0)), left);
    }
  }
  color = vec4(sum / float(count * count), 1.0);
}`;

/** Draws two pictures with a split between them, by WebGL 2. */
export class Screen {
  readonly #gl: WebGL2RenderingContext;
  readonly #program: WebGLProgram;
  readonly #sizes = new Map<Slot, { readonly width: number; readonly height: number }>();

  /** @throws Error where the browser has no WebGL 2. */
  constructor(readonly canvas: HTMLCanvasElement) {
    const gl = canvas.getContext('webgl2', { antialias: false, preserveDrawingBuffer: true });
    if (gl === null) throw new Error('This browser has no WebGL 2, which pictures are shown with');
    this.#gl = gl;
    this.#program = link(gl);
    gl.useProgram(this.#program);
    gl.bindVertexArray(gl.createVertexArray());
    for (const [unit, name] of [...SLOTS, 'colors'].entries()) {
      gl.activeTexture(gl.TEXTURE0 + unit);
      gl.bindTexture(gl.TEXTURE_2D, gl.createTexture());
      for (const parameter of [gl.TEXTURE_MIN_FILTER, gl.TEXTURE_MAG_FILTER]) {
        gl.texParameteri(gl.TEXTURE_2D, parameter, gl.NEAREST);
      }
      gl.uniform1i(this.#place(name), unit);
    }
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA, 256, 1, 0, gl.RGBA, gl.UNSIGNED_BYTE, colorTable());
  }

  /**
   * Puts a picture in a slot.
   * @param data interleaved RGBA.
   * @throws Error where it is larger than the graphics device takes.
   */
  set(slot: Slot, width: number, height: number, data: Float32Array): void {
    const gl = this.#gl;
    const most: number = gl.getParameter(gl.MAX_TEXTURE_SIZE);
    if (Math.max(width, height) > most) throw new Error(`This device shows at most ${most} x ${most} pixels`);
    gl.activeTexture(gl.TEXTURE0 + SLOTS.indexOf(slot));
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA32F, width, height, 0, gl.RGBA, gl.FLOAT, data);
    this.#sizes.set(slot, { width, height });
  }

  /** Puts a part of a picture over what is in a slot. */
  patch(slot: Slot, x: number, y: number, width: number, height: number, data: Float32Array): void {
    const gl = this.#gl;
    gl.activeTexture(gl.TEXTURE0 + SLOTS.indexOf(slot));
    gl.texSubImage2D(gl.TEXTURE_2D, 0, x, y, width, height, gl.RGBA, gl.FLOAT, data);
  }

  draw({ view, split, mode, exposure, curve, range }: Look): void {
    const gl = this.#gl;
    const { canvas } = this;
    const ratio = devicePixelRatio;
    const [width, height] = [canvas.clientWidth * ratio, canvas.clientHeight * ratio].map(Math.round);
    if (canvas.width !== width || canvas.height !== height) {
      canvas.width = width ?? 1;
      canvas.height = height ?? 1;
    }
    gl.viewport(0, 0, canvas.width, canvas.height);
    const size = this.#sizes.get('noisy');
    gl.uniform2f(this.#place('size'), size?.width ?? 0, size?.height ?? 0);
    gl.uniform2f(this.#place('offset'), view.x * ratio, view.y * ratio);
    gl.uniform2f(this.#place('range'), range.low, range.high);
    gl.uniform1f(this.#place('scale'), view.scale * ratio);
    gl.uniform1f(this.#place('split'), split * canvas.width);
    gl.uniform1f(this.#place('screenHeight'), canvas.height);
    gl.uniform1f(this.#place('gain'), 2 ** exposure);
    gl.uniform1i(this.#place('mode'), MODES.indexOf(mode));
    gl.uniform1i(this.#place('curve'), CURVES.indexOf(curve));
    gl.drawArrays(gl.TRIANGLES, 0, 3);
  }

  #place(name: string): WebGLUniformLocation | null {
    return this.#gl.getUniformLocation(this.#program, name);
  }
}

function link(gl: WebGL2RenderingContext): WebGLProgram {
  const program = gl.createProgram();
  for (const [type, source] of [
    [gl.VERTEX_SHADER, VERTEX],
    [gl.FRAGMENT_SHADER, FRAGMENT],
  ] as const) {
    const shader = gl.createShader(type);
    if (shader === null) throw new Error('The graphics device was lost');
    gl.shaderSource(shader, source);
    gl.compileShader(shader);
    gl.attachShader(program, shader);
  }
  gl.linkProgram(program);
  if (!gl.getProgramParameter(program, gl.LINK_STATUS)) {
    throw new Error(`The picture cannot be drawn: ${gl.getProgramInfoLog(program)}`);
  }
  return program;
}
