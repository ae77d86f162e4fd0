export const VERTEX = `#version 300 es
void main() {
  gl_Position = vec4(gl_VertexID == 1 ? 3.0 : -1.0, gl_VertexID == 2 ? 3.0 : -1.0, 0.0, 1.0);
}`;

/**
 * Numbers of modes, curves and sides are their indices in MODES, CURVES and SIDES of screen.ts. sRGB and Filmic are the curves of
 * src/image/tonemap.ts. AgX is the fit by Benjamin Wrensch (2023) of Troy Sobotka's view transform, which Blender has as
 * its default.
 */
export const FRAGMENT = `#version 300 es
precision highp float;
precision highp sampler2D;
uniform sampler2D noisy, denoised, reference, earlier, noisyBefore, denoisedBefore, part, strokes, colors;
uniform vec2 offset, size, range;
uniform vec4 partBox;
uniform float scale, split, screenHeight, gain, keptNoise;
uniform int mode, curve, leftSide, rightSide;
uniform bool isPainted, isPaintShown;
out vec4 color;

vec3 encode(vec3 x) {
  return mix(1.055 * pow(x, vec3(1.0 / 2.4)) - 0.055, 12.92 * x, lessThanEqual(x, vec3(0.0031308)));
}

vec3 agx(vec3 light) {
  const mat3 inset = mat3(
    0.842479062253094, 0.0423282422610123, 0.0423756549057051,
    0.0784335999999992, 0.878468636469772, 0.0784336,
    0.0792237451477643, 0.0791661274605434, 0.879142973793104);
  const mat3 outset = mat3(
    1.19687900512017, -0.0528968517574562, -0.0529716355144438,
    -0.0980208811401368, 1.15190312990417, -0.0980434501171241,
    -0.0990297440797205, -0.0989611768448433, 1.15107367264116);
  vec3 x = (clamp(log2(max(inset * light, 1e-10)), -12.47393, 4.026069) + 12.47393) / 16.5;
  vec3 x2 = x * x, x4 = x2 * x2;
  vec3 y = 15.5 * x4 * x2 - 40.14 * x4 * x + 31.96 * x4 - 6.868 * x2 * x + 0.4298 * x2 + 0.1191 * x - 0.00232;
  // The fit is made for a display with a gamma of 2.2.
  return clamp(outset * y, 0.0, 1.0);
}

vec3 display(vec3 light) {
  vec3 x = clamp(light * gain, 0.0, 1e6);
  if (curve == 1) return agx(x);
  if (curve == 2) x = (x * (2.51 * x + 0.03)) / (x * (2.43 * x + 0.59) + 0.14);
  x = min(x, 1.0);
  if (curve == 3) return pow(x, vec3(1.0 / 2.2));
  if (curve == 4) return x;
  return encode(x);
}

vec3 ramp(float share) {
  return texelFetch(colors, ivec2(int(clamp(share, 0.0, 1.0) * 255.0 + 0.5), 0), 0).rgb;
}

float brightness(vec3 light) {
  return dot(display(light), vec3(0.2126, 0.7152, 0.0722));
}

vec3 denoisedAt(ivec2 at) {
  vec2 inPart = vec2(at) - partBox.xy;
  if (inPart.x >= 0.0 && inPart.y >= 0.0 && inPart.x < partBox.z && inPart.y < partBox.w) {
    return texelFetch(part, ivec2(inPart), 0).rgb;
  }
  vec4 stroke = isPainted ? texelFetch(strokes, at, 0) : vec4(0.0);
  float kept = stroke.r > 0.0 ? stroke.g : keptNoise;
  vec3 value = texelFetch(denoised, at, 0).rgb;
  return kept == 0.0 ? value : mix(value, texelFetch(noisy, at, 0).rgb, kept);
}

vec3 side(int which, ivec2 at) {
  if (which == 0) return texelFetch(noisy, at, 0).rgb;
  if (which == 1) return denoisedAt(at);
  if (which == 2) return texelFetch(reference, at, 0).rgb;
  return texelFetch(earlier, at, 0).rgb;
}

vec3 direction(vec2 moved) {
  float reach = length(moved) / range.y;
  if (!(reach >= 0.0)) return vec3(0.25, 0.0, 0.0);
  float hue = atan(-moved.y, moved.x) * 0.9549296585513721;
  vec3 pure = clamp(abs(mod(hue + vec3(0.0, 4.0, 2.0), 6.0) - 3.0) - 1.0, 0.0, 1.0);
  return mix(vec3(0.12), pure, min(reach, 1.0));
}

vec3 pixel(ivec2 at, bool isLeft) {
  vec3 value = side(isLeft ? leftSide : rightSide, at);
  if (mode == 0) return display(value);
  if (mode == 1) return 0.5 + 0.5 * clamp(value, -1.0, 1.0);
  if (mode == 2) return ramp((value.r - range.x) / (range.y - range.x));
  if (mode == 3) {
    vec4 before = isLeft ? texelFetch(noisyBefore, at, 0) : texelFetch(denoisedBefore, at, 0);
    // Where the frame before does not show this point, there is no change to measure.
    if (before.a == 0.0) return vec3(0.12);
    return ramp((abs(brightness(value) - brightness(before.rgb)) - range.x) / (range.y - range.x));
  }
  if (mode == 4) {
    vec3 other = side(leftSide, at);
    vec3 error = abs(value - other) / (abs(value) + abs(other) + 0.01);
    return ramp((dot(error, vec3(1.0 / 3.0)) - range.x) / (range.y - range.x));
  }
  return direction(value.rg);
}

void main() {
  vec2 screen = vec2(gl_FragCoord.x, screenHeight - gl_FragCoord.y);
  vec2 place = (screen - offset) / scale;
  if (place.x < 0.0 || place.y < 0.0 || place.x >= size.x || place.y >= size.y) {
    color = vec4(0.0);
    return;
  }
  bool isLeft = mode != 4 && screen.x < split;
  // Where pixels are smaller than those of the screen, the mean of the displayed colors of some of them.
  int count = clamp(int(ceil(1.0 / scale)), 1, 6);
  vec3 sum = vec3(0.0);
  for (int y = 0; y < count; y++) {
    for (int x = 0; x < count; x++) {
      vec2 step = (vec2(x, y) + 0.5) / float(count) - 0.5;
      vec2 at = count == 1 ? place : place + step / scale;
      sum += pixel(ivec2(clamp(at, vec2(0.0), size - 1.0)), isLeft);
    }
  }
  vec3 shown = sum / float(count * count);
  if (isPaintShown) {
    // Orange keeps more noise than the slider, blue less.
    // The noise to keep in false color, over the picture.
    vec4 stroke = texelFetch(strokes, ivec2(clamp(place, vec2(0.0), size - 1.0)), 0);
    vec3 tint = ramp(log2(max(stroke.r, 1.0)) / log2(10.0));
    if (stroke.r > 0.0) shown = mix(shown, tint, 0.5);
  }
  color = vec4(shown, 1.0);
}`;
