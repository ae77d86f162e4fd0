import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { QuietframeError } from '../../src/errors.js';
import type { Block } from '../../src/exr/codecs/block.js';
import { decodeBlock } from '../../src/exr/codecs/codec.js';
import type { Compression } from '../../src/exr/compression.js';
import { readHeader } from '../../src/exr/header.js';
import { readExr } from '../../src/exr/read-exr.js';
import { replaceChannels } from '../../src/exr/replace-channels.js';
import { randomNumbers } from '../support/random.js';
import { fixture } from './fixtures.js';

/** One part of halves in HTJ2K, one of floats in Zstandard, normals as floats in HTJ2K, and an albedo in lossy LJ2K. */
const blender = new Uint8Array(readFileSync(new URL('./openexr35.exr', import.meta.url)));

describe('a file with the compressions of OpenEXR 3.5', () => {
  const { parts } = readHeader(blender);
  const partBytes = (bytes: Uint8Array, index: number): Buffer[] =>
    (readHeader(bytes).parts[index]?.chunks ?? []).map(({ offset, length }) =>
      Buffer.from(bytes.subarray(offset, offset + length)),
    );

  it('is read where it can be, and says why where it cannot', () => {
    expect(parts.map(({ compression }) => compression)).toEqual(['htj2k32', 'zstd', 'htj2k32', 'none']);
    expect(parts.map(({ unreadable }) => unreadable?.received)).toEqual([
      undefined,
      undefined,
      'HTJ2K32 with the float channel "V.Denoising Normal.X"',
      'LJ2K',
    ]);
    const image = readExr(blender, { select: ({ index }) => index < 2 });
    expect(image.parts[0]?.planes.get('V.Combined.R')?.data[0]).toBe(Number.POSITIVE_INFINITY);
    expect(() => readExr(blender, { select: ({ index }) => index === 3 })).toThrow(
      /compression of part 3.*LJ2K/,
    );
  });

  it('gets a result as ZIP, which everybody reads, and keeps all other parts bit for bit', () => {
    const data = new Float32Array(37 * 19).fill(0.5);
    const written = replaceChannels(
      blender,
      readHeader(blender),
      new Map([[0, new Map([['V.Combined.R', data]])]]),
    );
    const after = readHeader(written);
    expect(after.parts.map(({ compression }) => compression)).toEqual(['zip', 'zstd', 'htj2k32', 'none']);
    for (const index of [1, 2, 3]) expect(partBytes(written, index)).toEqual(partBytes(blender, index));
    const [before, result] = [blender, written].map(
      (bytes) => readExr(bytes, { select: ({ index }) => index === 0 }).parts[0]?.planes,
    );
    expect(result?.get('V.Combined.R')?.data).toEqual(data);
    expect(result?.get('V.Combined.G')?.data).toEqual(before?.get('V.Combined.G')?.data);
  });

  it('is refused as a whole where the only part cannot be read', () => {
    for (const name of ['htj2k32.exr', 'zstd.exr']) {
      const bytes = fixture(name);
      const at = Buffer.from(bytes).indexOf('compression\0compression\0') + 28;
      bytes[at] = 12;
      expect(() => readHeader(bytes)).toThrow('for the compression of part 0 but received "LJ2K"');
    }
  });
});

interface Chunk {
  readonly compression: Compression;
  readonly data: Uint8Array;
  readonly block: Block;
}

/** The first chunk of a fixture that is compressed. */
function chunkOf(name: string): Chunk {
  const bytes = fixture(name);
  const [part] = readHeader(bytes).parts;
  const [chunk] = part?.chunks ?? [];
  if (part === undefined || chunk === undefined) throw new Error(name);
  const { width, height, offset, length } = chunk;
  return {
    compression: part.compression,
    data: bytes.slice(offset, offset + length),
    block: { width, height, channels: part.channels },
  };
}

const decode = ({ compression, data, block }: Chunk): Uint16Array => decodeBlock(compression, data, block);
const outcome = (chunk: Chunk): string => {
  try {
    decode(chunk);
    return 'decoded';
  } catch (error) {
    if (!(error instanceof QuietframeError)) throw error;
    return `${error.code}: ${error.message}`;
  }
};
const changed = (chunk: Chunk, change: (data: Uint8Array, view: DataView) => void): Chunk => {
  const data = chunk.data.slice();
  change(data, new DataView(data.buffer));
  return { ...chunk, data };
};

describe.each(['htj2k256.exr', 'htj2k32.exr', 'tiled-htj2k32.exr', 'zstd.exr', 'tiled-zstd.exr'])(
  'a damaged chunk of %s',
  (name) => {
    const chunk = chunkOf(name);
    const words = decode(chunk);

    it('is refused or decodes to as many samples, and harms no other', () => {
      const numbers = randomNumbers(7);
      const random = (below: number): number => Math.floor(numbers() * below);
      let refused = 0;
      for (let round = 0; round < 300; round++) {
        const damagedChunk = changed(chunk, (data) => {
          for (let flips = 1 + random(3); flips > 0; flips--) data[random(data.length)] = random(256);
        });
        const result = outcome(damagedChunk);
        expect(result).toMatch(/^(decoded|malformed-exr: )/);
        if (result !== 'decoded') refused++;
        if (round % 50 === 0) expect(decode(chunk)).toEqual(words);
      }
      expect(refused).toBeGreaterThan(0);
      expect(decode(chunk)).toEqual(words);
    });

    it('is refused where it is cut', () => {
      for (const length of [0, 1, 7, 23, 24, 40, chunk.data.length >> 1, chunk.data.length - 1]) {
        const cut = outcome({ ...chunk, data: chunk.data.subarray(0, length) });
        // The end of a code stream is a marker, without which all samples are there.
        if (chunk.compression === 'zstd' || length < 60) expect(cut).toMatch(/^malformed-exr: /);
        else expect(cut).toMatch(/^(decoded|malformed-exr: )/);
      }
    });
  },
);

describe('HTJ2K', () => {
  const chunk = chunkOf('htj2k32.exr');
  const start = 6 + new DataView(chunk.data.buffer).getUint32(2);
  /** Where the body of a marker is. */
  const marker = (code: number): number => {
    const view = new DataView(chunk.data.buffer);
    for (let at = start + 2; ; at += 2 + view.getUint16(at + 2))
      if (view.getUint16(at) === code) return at + 4;
  };

  it.each<[string, (data: Uint8Array, view: DataView) => void, RegExp]>([
    ['a larger picture', (_, view) => view.setUint32(marker(0xff51) + 2, 2 ** 30), /one tile of 19 x 32/],
    ['many tiles', (_, view) => view.setUint32(marker(0xff51) + 18, 1), /one tile/],
    ['an offset', (_, view) => view.setUint32(marker(0xff51) + 10, 1), /one tile/],
    ['components of 32 bits', (data) => data.fill(0x9f, marker(0xff51) + 36, marker(0xff51) + 37), /16 bits/],
    ['subsampled components', (data) => data.fill(2, marker(0xff51) + 37, marker(0xff51) + 38), /16 bits/],
    ['precincts', (data) => data.fill(1, marker(0xff52), marker(0xff52) + 1), /precincts/],
    ['many levels', (data) => data.fill(32, marker(0xff52) + 5, marker(0xff52) + 6), /levels/],
    ['tiny code blocks', (data) => data.fill(0, marker(0xff52) + 6, marker(0xff52) + 8), /code blocks/],
    ['styles for one component', (_, view) => view.setUint16(marker(0xff55) - 4, 0xff53), /marker ff53/],
    ['a channel twice', (_, view) => view.setUint16(8, view.getUint16(10)), /every channel once/],
    ['another number of channels', (_, view) => view.setUint16(6, 3), /4 channels/],
    ['a list beyond the chunk', (_, view) => view.setUint32(2, 2 ** 31), /list of channels/],
    ['another magic number', (_, view) => view.setUint16(0, 0x4855), /begins with HT/],
  ])('is refused with %s', (_, change, message) => {
    expect(outcome(changed(chunk, change))).toMatch(message);
  });
});

describe('Zstandard', () => {
  const chunk = chunkOf('zstd.exr');

  it.each<[string, (data: Uint8Array, view: DataView) => void, RegExp]>([
    ['another magic number', (data) => data.fill(0, 0, 1), /zstd-exr/],
    ['another format', (_, view) => view.setUint32(8, 3, true), /format 1 or 2/],
    ['unknown flags', (_, view) => view.setUint32(12, 6, true), /flags/],
    ['another length', (_, view) => view.setBigUint64(16, 2n ** 60n, true), /a frame of/],
    ['a window of gigabytes', (data) => data.set([0, 0xa8], 28), /window of 2147483648/],
    ['a dictionary', (data) => data.fill((data[28] as number) | 1, 28, 29), /dictionary/],
  ])('is refused with %s', (_, change, message) => {
    expect(outcome(changed(chunk, change))).toMatch(message);
  });

  it('is refused with more frames than one', () => {
    const empty = Buffer.from('28b52ffd2000010000', 'hex');
    const data = new Uint8Array([...chunk.data, ...empty]);
    new DataView(data.buffer).setBigUint64(16, BigInt(data.length - 24), true);
    expect(outcome({ ...chunk, data })).toMatch(/one Zstandard frame/);
  });

  it('is refused where it holds more than the chunk, without being unpacked', () => {
    // A single block that repeats a byte two million times.
    const frame = Buffer.from('28b52ffd00580300ff00'.padEnd(20, '0'), 'hex');
    const data = new Uint8Array(24 + frame.length);
    data.set(chunk.data.subarray(0, 16));
    data.set(frame, 24);
    new DataView(data.buffer).setBigUint64(16, BigInt(frame.length), true);
    expect(outcome({ ...chunk, data })).toMatch(/Zstandard frame/);
  });
});
