import { describe, expect, it } from 'vitest';
import { FLOAT_BITS_OF_HALF, halfBits, halfOfFloatBits, halfValue } from '../../../src/exr/codecs/half.js';

describe('half', () => {
  it('survives a trip through float32 with every bit, NaN payloads included', () => {
    const halves = Uint16Array.from({ length: 65536 }, (_, half) => half);
    expect(halves.map((half) => halfOfFloatBits(FLOAT_BITS_OF_HALF[half] as number))).toEqual(halves);
  });

  it('has the values of IEEE 754', () => {
    expect(halfValue(0x3c00)).toBe(1);
    expect(halfValue(0xc000)).toBe(-2);
    expect(halfValue(0x7bff)).toBe(65504);
    expect(halfValue(0x0400)).toBe(2 ** -14);
    expect(halfValue(0x0001)).toBe(2 ** -24);
    expect(halfValue(0x03ff)).toBe(1023 * 2 ** -24);
    expect(Object.is(halfValue(0x8000), -0)).toBe(true);
    expect(halfValue(0xfc00)).toBe(Number.NEGATIVE_INFINITY);
    expect(halfValue(0x7e01)).toBeNaN();
  });

  it('rounds to the nearest half, ties to even, over the whole range', () => {
    const wrong: number[] = [];
    for (let half = 0; half < 0x7bff; half++) {
      const low = halfValue(half);
      const high = halfValue(half + 1);
      const middle = (low + high) / 2;
      const even = half % 2 === 0 ? half : half + 1;
      const quarter = (high - low) / 4;
      if (halfBits(middle) !== even || halfBits(-middle) !== (even | 0x8000)) wrong.push(half);
      if (halfBits(middle - quarter) !== half || halfBits(middle + quarter) !== half + 1) wrong.push(half);
    }
    expect(wrong).toEqual([]);
  });

  it('saturates finite values and keeps infinities', () => {
    for (const value of [65505, 65519.99, 65520, 1e6, 3.4e38]) {
      expect(halfBits(value)).toBe(0x7bff);
      expect(halfBits(-value)).toBe(0xfbff);
    }
    expect(halfBits(Number.POSITIVE_INFINITY)).toBe(0x7c00);
    expect(halfBits(1e-10)).toBe(0);
  });

  it('keeps a NaN a NaN when its payload lies in the bits that a half lacks', () => {
    expect(halfOfFloatBits(0x7f800001)).toBe(0x7e00);
    expect(halfOfFloatBits(0xffc02000)).toBe(0xfe01);
  });
});
