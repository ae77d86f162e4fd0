/** Bits of a float32 by the bits of a half: exact for every value, with the sign and payload of NaNs kept. */
export const FLOAT_BITS_OF_HALF: Uint32Array = (() => {
  const table = new Uint32Array(65536);
  for (let half = 0; half < 65536; half++) {
    const sign = (half & 0x8000) << 16;
    const exponent = (half >>> 10) & 31;
    const mantissa = half & 0x3ff;
    if (exponent === 31) {
      table[half] = sign | 0x7f800000 | (mantissa << 13);
    } else if (exponent !== 0) {
      table[half] = sign | ((exponent + 112) << 23) | (mantissa << 13);
    } else if (mantissa !== 0) {
      const shift = Math.clz32(mantissa) - 21;
      table[half] = sign | ((113 - shift) << 23) | ((mantissa << (shift + 13)) & 0x7fffff);
    } else {
      table[half] = sign;
    }
  }
  return table;
})();

/**
 * The half nearest to a float32, both as bits; ties go to the even half. Infinities and the top payload bits of NaNs are
 * kept. Finite values beyond the range of half saturate at 65504: a written file holds no infinity that was not there.
 */
export function halfOfFloatBits(bits: number): number {
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fffffff;
  if (magnitude >= 0x477fe000) {
    if (magnitude < 0x7f800000) return sign | 0x7bff;
    if (magnitude === 0x7f800000) return sign | 0x7c00;
    return sign | 0x7c00 | ((magnitude >>> 13) & 0x3ff || 0x200);
  }
  if (magnitude >= 0x38800000) {
    return sign | ((magnitude - 0x38000000 + 0xfff + ((magnitude >>> 13) & 1)) >>> 13);
  }
  if (magnitude <= 0x33000000) return sign;
  const mantissa = (magnitude & 0x7fffff) | 0x800000;
  const shift = 126 - (magnitude >>> 23);
  return sign | ((mantissa + (1 << (shift - 1)) - 1 + ((mantissa >>> shift) & 1)) >>> shift);
}

const float = new Float32Array(1);
const floatBits = new Uint32Array(float.buffer);

/** The half nearest to a number, as bits; see {@link halfOfFloatBits}. */
export function halfBits(value: number): number {
  float[0] = value;
  return halfOfFloatBits(floatBits[0] as number);
}

/** The value of a half. */
export function halfValue(half: number): number {
  floatBits[0] = FLOAT_BITS_OF_HALF[half] as number;
  return float[0] as number;
}
