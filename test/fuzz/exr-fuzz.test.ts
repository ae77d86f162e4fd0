import { describe, expect, it } from 'vitest';
import { QuietframeError } from '../../src/errors.js';
import { readHeader } from '../../src/exr/header.js';
import { readExr } from '../../src/exr/read-exr.js';
import { replaceChannels } from '../../src/exr/replace-channels.js';
import { FIXTURES, fixture } from '../exr/fixtures.js';

const ROUNDS = 240;

/** Numbers in [0, below), the same in every run. */
function generator(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

const INTERESTING = [0, 1, 2, 0x7f, 0x80, 0xfe, 0xff];

/** A file with a few of its bytes changed, most of them in the header; sometimes cut, or with bytes moved. */
function mutate(original: Uint8Array, dataStart: number, random: (below: number) => number): Uint8Array {
  const bytes = original.slice();
  for (let change = 1 + random(4); change > 0; change--) {
    const at = random(random(2) === 0 ? dataStart : bytes.length);
    switch (random(5)) {
      case 0:
        bytes[at] = (bytes[at] as number) ^ (1 << random(8));
        break;
      case 1:
        bytes[at] = INTERESTING[random(INTERESTING.length)] as number;
        break;
      case 2:
        bytes.fill(random(256), at, at + 1 + random(8));
        break;
      case 3:
        bytes.copyWithin(at, random(bytes.length), random(bytes.length));
        break;
      default:
        bytes[at] = random(256);
    }
  }
  return random(10) === 0 ? bytes.subarray(0, random(bytes.length)) : bytes;
}

/** Small enough that no mutation may make the test slow, large enough for every fixture. */
const limits = { maxPixels: 2 ** 20, maxDecodedBytes: 2 ** 24, maxChunkBytes: 2 ** 24 };

describe('mutated OpenEXR files', () => {
  it.each(FIXTURES)('%s is read or refused with a typed error', (name) => {
    const original = fixture(name);
    const header = readHeader(original);
    const dataStart = Math.min(...header.parts.flatMap((part) => part.chunks.map((chunk) => chunk.offset)));
    const random = generator(0x5eed + name.length * 7919 + original.length);
    const outcomes = { read: 0, refused: 0 };
    for (let round = 0; round < ROUNDS; round++) {
      const bytes = mutate(original, dataStart, random);
      try {
        const image = readExr(bytes, { limits });
        const again = replaceChannels(bytes, readHeader(bytes, limits), new Map());
        expect(again.length).toBeGreaterThan(0);
        outcomes.read += image.parts.length > 0 ? 1 : 0;
      } catch (error) {
        if (!(error instanceof QuietframeError)) throw error;
        expect(['malformed-exr', 'unsupported-exr', 'too-large']).toContain(error.code);
        outcomes.refused++;
      }
    }
    expect(outcomes.read + outcomes.refused).toBe(ROUNDS);
    expect(outcomes.read).toBeGreaterThan(0);
    expect(outcomes.refused).toBeGreaterThan(0);
  });
});
