import { colorTable, type Range } from './false-color.js';
import { FRAGMENT, VERTEX } from './shader.js';
import type { Point, Size, View } from './view-transform.js';

/**
 * Pictures that the screen holds: the four that can be on a side of the split, both sides of the previous frame, a
 * denoised region, and the painted map (red: lambda, 0 where nothing is painted; green: share of noise in the preview).
 */
export const SLOTS = [
  'noisy',
  'denoised',
  'reference',
  'earlier',
  'noisyBefore',
  'denoisedBefore',
  'part',
  'strokes',
] as const;
export type Slot = (typeof SLOTS)[number];

/** Pictures that can be compared: `earlier` is an earlier result of the same frame. */
export const SIDES = ['noisy', 'denoised', 'reference', 'earlier'] as const;
export type Side = (typeof SIDES)[number];

export const CURVES = ['srgb', 'agx', 'filmic', 'gamma', 'raw'] as const;
export type Curve = (typeof CURVES)[number];

/** How values become colors. */
export const MODES = ['light', 'direction', 'value', 'flicker', 'difference', 'motion'] as const;

export interface Look {
  readonly view: View;
  /** Share of the screen that shows the left picture, from the left. */
  readonly split: number;
  readonly left: Side;
  readonly right: Side;
  readonly mode: (typeof MODES)[number];
  /** Stops. */
  readonly exposure: number;
  readonly curve: Curve;
  readonly range: Range;
  /** Region of the denoised picture that `part` replaces. */
  readonly part?: (Point & Size) | undefined;
  /** Share of the noisy picture that stands in for a higher lambda, in [0, 1]. */
  readonly keptNoise: number;
  /** Whether `strokes` replaces that share where something is painted. */
  readonly isPainted: boolean;
  readonly isPaintShown: boolean;
}

/** Draws two pictures with a split between them, by WebGL 2. */
export class Screen {
  readonly #gl: WebGL2RenderingContext;
  readonly #program: WebGLProgram;
  readonly #uploaded = new Map<Slot, Size & { readonly data: Float32Array }>();

  /** @throws Error where the browser has no WebGL 2. */
  constructor(readonly canvas: HTMLCanvasElement) {
    const gl = canvas.getContext('webgl2', { antialias: false, preserveDrawingBuffer: true });
    if (gl === null) throw new Error('This browser has no WebGL 2, which the viewer draws with');
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
   * Puts a picture into a slot. The array that is there already is not uploaded again.
   * @param data interleaved RGBA.
   * @throws Error where it is larger than the graphics device takes.
   */
  set(slot: Slot, width: number, height: number, data: Float32Array): void {
    if (this.#uploaded.get(slot)?.data === data) return;
    const gl = this.#gl;
    const most: number = gl.getParameter(gl.MAX_TEXTURE_SIZE);
    if (Math.max(width, height) > most) throw new Error(`This device shows at most ${most} x ${most} pixels`);
    gl.activeTexture(gl.TEXTURE0 + SLOTS.indexOf(slot));
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA32F, width, height, 0, gl.RGBA, gl.FLOAT, data);
    this.#uploaded.set(slot, { width, height, data });
  }

  /** Uploads rows of a picture that is in its slot already and has changed. */
  update(
    slot: Slot,
    y: number,
    height: number,
    { width, data }: Size & { readonly data: Float32Array },
  ): void {
    const gl = this.#gl;
    gl.activeTexture(gl.TEXTURE0 + SLOTS.indexOf(slot));
    const rows = data.subarray(4 * y * width, 4 * (y + height) * width);
    gl.texSubImage2D(gl.TEXTURE_2D, 0, 0, y, width, height, gl.RGBA, gl.FLOAT, rows);
  }

  /** Draws to the canvas's size on the page, or to a given size in pixels. */
  draw(look: Look, target?: Size): void {
    const gl = this.#gl;
    const { canvas } = this;
    const ratio = target === undefined ? devicePixelRatio : 1;
    const { clientWidth, clientHeight } = canvas;
    const width = Math.round(target?.width ?? clientWidth * ratio);
    const height = Math.round(target?.height ?? clientHeight * ratio);
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
    gl.viewport(0, 0, canvas.width, canvas.height);
    const { view, part, range } = look;
    const size = this.#uploaded.get('noisy');
    gl.uniform2f(this.#place('size'), size?.width ?? 0, size?.height ?? 0);
    gl.uniform2f(this.#place('offset'), view.x * ratio, view.y * ratio);
    gl.uniform2f(this.#place('range'), range.low, range.high);
    gl.uniform4f(this.#place('partBox'), part?.x ?? 0, part?.y ?? 0, part?.width ?? 0, part?.height ?? 0);
    gl.uniform1f(this.#place('scale'), view.scale * ratio);
    gl.uniform1f(this.#place('split'), look.split * canvas.width);
    gl.uniform1f(this.#place('screenHeight'), canvas.height);
    gl.uniform1f(this.#place('gain'), 2 ** look.exposure);
    gl.uniform1f(this.#place('keptNoise'), look.keptNoise);
    gl.uniform1i(this.#place('mode'), MODES.indexOf(look.mode));
    gl.uniform1i(this.#place('curve'), CURVES.indexOf(look.curve));
    gl.uniform1i(this.#place('leftSide'), SIDES.indexOf(look.left));
    gl.uniform1i(this.#place('rightSide'), SIDES.indexOf(look.right));
    gl.uniform1i(this.#place('isPainted'), Number(look.isPainted));
    gl.uniform1i(this.#place('isPaintShown'), Number(look.isPaintShown));
    gl.drawArrays(gl.TRIANGLES, 0, 3);
  }

  /** The displayed color at a place of the canvas in CSS pixels, as sRGB bytes. */
  colorAt({ x, y }: Point): readonly [red: number, green: number, blue: number] {
    const gl = this.#gl;
    const bytes = new Uint8Array(4);
    const [left, top] = [x, y].map((place) => Math.floor(place * devicePixelRatio));
    gl.readPixels(left ?? 0, this.canvas.height - 1 - (top ?? 0), 1, 1, gl.RGBA, gl.UNSIGNED_BYTE, bytes);
    return [bytes[0] ?? 0, bytes[1] ?? 0, bytes[2] ?? 0];
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
