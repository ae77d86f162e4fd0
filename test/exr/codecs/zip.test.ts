import { describe, expect, it } from 'vitest';
import { joinBytes, splitBytes } from '../../../src/exr/codecs/zip.js';

describe('the bytes of ZIP and RLE', () => {
  it('are the low ones, then the high ones, each as the difference to the one before plus 128', () => {
    const words = Uint16Array.of(0x3c05, 0x3b07, 0xff00);
    const plain = [0x05, 0x07, 0x00, 0x3c, 0x3b, 0xff];
    const stored = plain.map((byte, i) => (i === 0 ? byte : (byte - (plain[i - 1] as number) + 128) & 255));
    expect([...splitBytes(words)]).toEqual(stored);
    expect(joinBytes(Uint8Array.from(stored))).toEqual(words);
  });

  it.each([0, 1, 2, 257])('come back for %i samples', (count) => {
    const words = Uint16Array.from({ length: count }, (_, i) => i * 40503);
    expect(joinBytes(splitBytes(words))).toEqual(words);
  });
});
