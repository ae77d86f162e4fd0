import { describe, expect, it } from 'vitest';
import { waveletDecode, waveletEncode } from '../../../src/exr/codecs/wavelet.js';

describe('wavelet', () => {
  const sizes: [number, number][] = [
    [1, 1],
    [2, 1],
    [1, 7],
    [3, 3],
    [8, 8],
    [17, 5],
    [33, 32],
    [31, 64],
  ];

  it.each(sizes)('is undone exactly at %i x %i, for small and for full-range words', (width, height) => {
    for (const maxValue of [100, (1 << 14) - 1, 1 << 14, 65535]) {
      for (const xStep of [1, 2]) {
        const words = Uint16Array.from(
          { length: width * height * xStep },
          (_, i) => (i * 40_503 + (i >>> 2) * 977) % (maxValue + 1),
        );
        const original = words.slice();
        const grid = { offset: xStep - 1, width, xStep, height, yStep: width * xStep };
        waveletEncode(words, grid, maxValue);
        waveletDecode(words, grid, maxValue);
        expect(words).toEqual(original);
      }
    }
  });

  it('turns a constant picture into its mean and zeros', () => {
    const words = new Uint16Array(64).fill(500);
    waveletEncode(words, { offset: 0, width: 8, xStep: 1, height: 8, yStep: 8 }, 1000);
    expect(words[0]).toBe(500);
    expect(words.subarray(1).every((word) => word === 0)).toBe(true);
  });
});
