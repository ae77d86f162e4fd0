import { describe, expect, it } from 'vitest';
import { huffmanDecode } from '../../../src/exr/codecs/huffman.js';
import { huffmanEncode } from '../../../src/exr/codecs/huffman-encode.js';

/** A fixed sequence of 32-bit numbers (a xorshift generator). */
function* numbers(seed: number): Generator<number> {
  for (let state = seed; ; ) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    yield state >>> 0;
  }
}

const random = (length: number, map: (n: number, i: number) => number): Uint16Array => {
  const source = numbers(7);
  return Uint16Array.from({ length }, (_, i) => map(source.next().value as number, i));
};

describe('huffman', () => {
  const cases: [string, Uint16Array][] = [
    ['nothing', new Uint16Array(0)],
    ['one word', Uint16Array.of(65535)],
    ['one value', new Uint16Array(1000).fill(42)],
    ['runs longer than a repeat mark can hold', Uint16Array.from({ length: 5000 }, (_, i) => (i / 700) | 0)],
    ['all words, once', Uint16Array.from({ length: 65536 }, (_, i) => i)],
    ['noise', random(20_000, (n) => n)],
    ['skewed noise', random(50_000, (n) => Math.clz32(n))],
    ['sparse symbols', random(3000, (n) => (n % 5) * 13_000)],
  ];

  it.each(cases)('returns %s', (_, words) => {
    expect(huffmanDecode(huffmanEncode(words), words.length)).toEqual(words);
  });

  it('decodes codes that are longer than its table: counts in a Fibonacci sequence', () => {
    const counts = [1, 1];
    while (counts.length < 24) counts.push((counts.at(-1) as number) + (counts.at(-2) as number));
    const words = Uint16Array.from(counts.flatMap((count, symbol) => new Array<number>(count).fill(symbol)));
    // Interleaved, so that no run hides the codes.
    const mixed = words.map((_, i) => words[(i * 7919) % words.length] as number);
    expect(huffmanDecode(huffmanEncode(mixed), mixed.length)).toEqual(mixed);
  });

  it('spends a bit and a half on a word of two values: the repeat mark takes a code as well', () => {
    expect(huffmanEncode(random(10_000, (n) => n & 1)).length).toBeLessThan(1900);
  });

  it('refuses another length than the stated one', () => {
    const data = huffmanEncode(random(100, (n) => n & 255));
    expect(() => huffmanDecode(data, 99)).toThrow('Expected 99 Huffman-coded words');
    expect(() => huffmanDecode(data, 101)).toThrow('Expected 101 Huffman-coded words');
    expect(() => huffmanDecode(data.subarray(0, 30), 100)).toThrow(/Huffman/);
  });
});
