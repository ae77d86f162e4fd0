import { describe, expect, it } from 'vitest';
import { readHeader } from '../../src/exr/header.js';
import { readExr } from '../../src/exr/read-exr.js';
import { decodePart, valuesOfWords } from '../../src/exr/samples.js';
import { boxHeight, boxWidth } from '../../src/image/image.js';
import { type ExpectedChannel, expectedParts, FIXTURES, fixture } from './fixtures.js';

const bitsOf = (data: Float32Array | Uint32Array): Uint32Array => new Uint32Array(data.buffer);

/** Everything that makes chunks smaller. */
// biome-ignore format: a list
const COMPRESSED = ['rle', 'zips', 'zip', 'piz', 'pxr24', 'b44', 'b44a', 'dwaa', 'dwab', 'htj2k256', 'htj2k32', 'zstd'];

describe('readExr', () => {
  it('has fixtures of every compression, and of tiles for the ones that differ', () => {
    const kinds = FIXTURES.flatMap((name) =>
      readHeader(fixture(name)).parts.map(
        (part) => `${part.compression}${part.tiles === undefined ? '' : ' tiles'}`,
      ),
    );
    const tiled = [
      'zip tiles',
      'piz tiles',
      'b44a tiles',
      'pxr24 tiles',
      'dwaa tiles',
      'htj2k32 tiles',
      'zstd tiles',
    ];
    expect(['none', ...COMPRESSED, ...tiled].filter((kind) => !kinds.includes(kind))).toEqual([]);
  });

  describe.each(FIXTURES)('%s', (name) => {
    const bytes = fixture(name);
    const parts = expectedParts(name);

    it('gives the bits that the official library reads', () => {
      const header = readHeader(bytes);
      expect(header.parts.map((part) => part.channels.map((channel) => channel.name))).toEqual(
        parts.map((part) => [...part.channels.keys()].sort()),
      );
      for (const [index, part] of header.parts.entries()) {
        const channels = parts[index]?.channels as Map<string, ExpectedChannel>;
        const words = decodePart(bytes, part, new Set(channels.keys()));
        for (const [channel, expected] of channels) expect(words.get(channel)).toEqual(expected.words);
      }
    });

    it('widens them to float32 without loss', () => {
      const image = readExr(bytes);
      image.parts.forEach((part, index) => {
        for (const [channel, { type, words }] of parts[index]?.channels ?? []) {
          const plane = part.planes.get(channel);
          expect(plane?.type).toBe(type);
          expect(plane?.data.length).toBe(boxWidth(part.dataWindow) * boxHeight(part.dataWindow));
          expect(bitsOf(plane?.data as Float32Array)).toEqual(bitsOf(valuesOfWords(words, type)));
        }
      });
    });
  });

  it('reads chunks that are compressed, not only such as were stored because they would not shrink', () => {
    const compressed = new Set<string>();
    for (const name of FIXTURES) {
      for (const part of readHeader(fixture(name)).parts) {
        const pixelBytes = part.channels.reduce((sum, channel) => sum + (channel.type === 'half' ? 2 : 4), 0);
        if (part.chunks.some((chunk) => chunk.length < chunk.width * chunk.height * pixelBytes)) {
          compressed.add(part.compression);
        }
      }
    }
    expect([...compressed].sort()).toEqual([...COMPRESSED].sort());
  });

  it('keeps windows, names and views', () => {
    const cropped = readExr(fixture('negative-window.exr')).parts[0];
    expect(cropped?.dataWindow).toEqual({ xMin: -5, yMin: -7, xMax: 10, yMax: 1 });
    expect(cropped?.displayWindow).toEqual({ xMin: 0, yMin: 0, xMax: 31, yMax: 17 });
    const parts = readExr(fixture('multi-part.exr')).parts;
    expect(parts.map((part) => part.name)).toEqual(['beauty', 'depth', 'albedo', 'lossy']);
    expect(parts.map((part) => part.view)).toEqual(['left', undefined, undefined, undefined]);
  });

  it('keeps attributes as bytes', () => {
    const { attributes } = readExr(fixture('zip.exr')).parts[0] ?? {};
    expect(attributes?.get('owner')).toEqual({
      type: 'string',
      value: new Uint8Array(Buffer.from('quietframe')),
    });
  });

  it('materialises only the channels that are asked for', () => {
    const image = readExr(fixture('multi-part.exr'), {
      select: (part, channel) => part.name === 'depth' || channel.name.endsWith('.id'),
    });
    expect(image.parts.map((part) => [...part.planes.keys()])).toEqual([
      [],
      ['Z'],
      ['layer.with.dots.id'],
      [],
    ]);
  });

  it('counts only the channels that are asked for against the decoded bytes', () => {
    const bytes = fixture('zip.exr');
    const limits = { maxDecodedBytes: 4 * 19 * 37 };
    expect(
      readExr(bytes, { limits, select: (_, channel) => channel.name === 'Z' }).parts[0]?.planes.size,
    ).toBe(1);
    expect(() => readExr(bytes, { limits })).toThrow('the bytes of the decoded channels');
  });

  it('reads bytes at any offset of a larger buffer', () => {
    const bytes = fixture('piz.exr');
    const shifted = new Uint8Array(bytes.length + 3).subarray(3);
    shifted.set(bytes);
    expect(readExr(shifted)).toEqual(readExr(bytes));
    expect(readExr(Buffer.from(bytes))).toEqual(readExr(bytes));
  });
});
