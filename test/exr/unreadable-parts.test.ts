import { describe, expect, it } from 'vitest';
import { QuietframeError } from '../../src/errors.js';
import { stringAttribute } from '../../src/exr/attribute.js';
import { intAttribute } from '../../src/exr/container.js';
import { readHeader } from '../../src/exr/header.js';
import { readExr } from '../../src/exr/read-exr.js';
import { replaceChannels } from '../../src/exr/replace-channels.js';
import {
  deepLines,
  deepTile,
  halfLine,
  lines,
  type RawPart,
  rawFile,
  tile,
  tilesAttribute,
} from './multi-part-support.js';

const window = { xMin: 0, yMin: -1, xMax: 1, yMax: 0 };
const bytes = (length: number, seed: number): Uint8Array =>
  Uint8Array.from({ length }, (_, i) => (31 * i + seed) % 251);

const flat: RawPart = {
  name: 'rgba',
  channels: ['B', 'G', 'R'],
  window,
  chunks: [halfLine(-1, [1, 2, 3, 4, 5, 6]), halfLine(0, [7, 8, 9, 10, 11, 12])],
};
const unreadable: readonly (readonly [string, RawPart, RegExp])[] = [
  [
    'deep scan lines',
    {
      name: 'deep',
      type: 'deepscanline',
      channels: ['A', 'Z'],
      window,
      chunks: [deepLines(-1, bytes(8, 1), bytes(33, 2)), deepLines(0, bytes(8, 3), new Uint8Array(0))],
    },
    /flat samples.*deep data/,
  ],
  [
    'deep tiles',
    {
      name: 'deep',
      type: 'deeptile',
      channels: ['A', 'Z'],
      window,
      attributes: { tiles: tilesAttribute(1, 2, 0) },
      chunks: [deepTile(0, 0, bytes(8, 1), bytes(20, 2)), deepTile(1, 0, bytes(8, 3), bytes(7, 4))],
    },
    /flat samples.*deep data/,
  ],
  [
    'LJ2K',
    { name: 'j2k', compression: 12, channels: ['Y'], window, chunks: [lines(-1, bytes(17, 5))] },
    /LJ2K/,
  ],
  [
    'a compression that has no name yet',
    {
      name: 'new',
      compression: 99,
      channels: ['Y'],
      window,
      chunks: [lines(-1, bytes(9, 6)), lines(0, bytes(2, 7))],
    },
    /compression.*99/,
  ],
  [
    'mip-map levels',
    {
      name: 'mip',
      type: 'tiledimage',
      channels: ['Y'],
      window,
      attributes: { tiles: tilesAttribute(2, 2, 1) },
      chunks: [tile(0, 0, 0, bytes(8, 8)), tile(0, 0, 1, bytes(2, 9))],
    },
    /one level.*mip-map/,
  ],
];

/** The bytes of each chunk of a part with its own header, in the order of the table. */
function chunksOf(file: Uint8Array, index: number): Uint8Array[] {
  return (readHeader(file).parts[index]?.chunks ?? []).map(({ offset, length, headerBytes }) =>
    file.slice(offset - headerBytes, offset + length),
  );
}

describe.each(unreadable)('a part of %s', (_, part, reason) => {
  describe.each([
    ['first', [part, flat]],
    ['last', [flat, part]],
  ] as const)('that comes %s', (_, parts) => {
    const file = rawFile(parts);
    const [own, other] = [parts.indexOf(part), parts.indexOf(flat)];

    it('is passed through bit for bit while another part is replaced', () => {
      const data = Float32Array.of(4, 3, 2, 1);
      const out = replaceChannels(file, readHeader(file), new Map([[other, new Map([['G', data]])]]), {
        attributes: new Map([['quietframe:model', stringAttribute('test')]]),
      });
      expect(chunksOf(out, own)).toEqual(chunksOf(file, own));
      expect(chunksOf(out, own).map((chunk) => chunk.length)).toEqual(
        part.chunks.map((pieces) => pieces.reduce((sum, piece) => sum + piece.length, 0)),
      );
      const image = readExr(out, { select: ({ index }) => index === other });
      expect(image.parts[other]?.planes.get('G')?.data).toEqual(data);
      const attributes = new Map(readHeader(out).parts[own]?.attributes);
      attributes.delete('quietframe:model');
      expect(attributes).toEqual(readHeader(file).parts[own]?.attributes);
      // The flag for deep data, without which others refuse to read the part.
      expect(new DataView(out.buffer).getUint32(4, true)).toBe(new DataView(file.buffer).getUint32(4, true));
    });

    it('is refused by name when it is needed', () => {
      const read = (): unknown => readExr(file);
      expect(read).toThrow(QuietframeError);
      expect(read).toThrow(reason);
      expect(read).toThrow(JSON.stringify(part.name));
    });
  });
});

it('refuses chunks of such a part that end behind the file, or that share bytes', () => {
  const part = unreadable[0]?.[1] as RawPart;
  const far = [new Uint8Array(4), new Uint8Array(BigUint64Array.of(2n ** 63n, 5n, 0n).buffer)];
  expect(() => readHeader(rawFile([flat, { ...part, chunks: [far] }]))).toThrow(/cut off or damaged/);
  const none = rawFile([flat, { ...part, attributes: { chunkCount: intAttribute(-1) } }]);
  expect(() => readHeader(none)).toThrow(/1 or more for the chunkCount/);
  const many = rawFile([flat, { ...part, attributes: { chunkCount: intAttribute(2 ** 30) } }]);
  expect(() => readHeader(many)).toThrow(/chunks of the OpenEXR file/);
});

describe('a file of one part', () => {
  const single = (attributes: NonNullable<RawPart['attributes']>): Uint8Array =>
    rawFile([{ ...flat, attributes }], false);

  it.each([
    ['a type of tiles', { type: stringAttribute('tiledimage') }],
    ['a deep type', { type: stringAttribute('deepscanline') }],
    ['a type that nobody knows', { type: stringAttribute('sparkle') }],
    ['a type that is no text', { type: intAttribute(3) }],
    ['another number of chunks', { chunkCount: intAttribute(7) }],
    ['tiles', { tiles: tilesAttribute(64, 64, 1) }],
  ])('is what its version flags say, whatever an old attribute says: %s', (_, attributes) => {
    const file = single(attributes);
    const green = readExr(file).parts[0]?.planes.get('G')?.data;
    expect(green).toEqual(readExr(single({})).parts[0]?.planes.get('G')?.data);
    const copied = replaceChannels(file, readHeader(file), new Map());
    expect(copied).toEqual(file);
    const data = Float32Array.of(4, 3, 2, 1);
    const out = replaceChannels(file, readHeader(file), new Map([[0, new Map([['R', data]])]]));
    expect(new DataView(out.buffer).getUint32(4, true)).toBe(2);
    expect(readExr(out).parts[0]?.planes.get('G')?.data).toEqual(green);
    expect(readExr(out).parts[0]?.planes.get('R')?.data).toEqual(data);
  });

  it('of tiles is read with a type of scan lines', () => {
    const tiled = rawFile(
      [
        {
          ...flat,
          type: 'tiledimage',
          attributes: { tiles: tilesAttribute(2, 2, 0), type: stringAttribute('scanlineimage') },
          chunks: [tile(0, 0, 0, new Uint8Array(24))],
        },
      ],
      false,
    );
    expect(readExr(tiled).parts[0]?.planes.get('R')?.data).toEqual(new Float32Array(4));
  });
});

it('reads 301 parts, and refuses more than the limit', () => {
  const file = rawFile(Array.from({ length: 301 }, (_, i) => ({ ...flat, name: `Layer.Pass ${i}` })));
  expect(readHeader(file).parts).toHaveLength(301);
  expect(() => readHeader(file, { maxParts: 300 })).toThrow(/at most 300 for the parts/);
});
