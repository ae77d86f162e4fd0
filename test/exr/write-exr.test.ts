import { describe, expect, it } from 'vitest';
import { attributeText, stringAttribute } from '../../src/exr/attribute.js';
import { readHeader } from '../../src/exr/header.js';
import { readExr } from '../../src/exr/read-exr.js';
import { WRITABLE_COMPRESSIONS, writeExr } from '../../src/exr/write-exr.js';
import type { Image, ImagePart, Plane } from '../../src/image/image.js';
import { expectedParts, FIXTURES, fixture } from './fixtures.js';

/** Halves (NaN payloads, denormals, infinities), floats of all exponents, and large ids. */
function part(width: number, height: number, x = 0, y = 0, name = ''): ImagePart {
  const pixels = width * height;
  const window = { xMin: x, yMin: y, xMax: x + width - 1, yMax: y + height - 1 };
  const floatBits = Uint32Array.from({ length: pixels }, (_, i) => Math.imul(i, 2_654_435_761) ^ (i << 3));
  const halves = Float32Array.from({ length: pixels }, (_, i) => ((i * 37) % 2048) / 512 - 1);
  new Uint32Array(halves.buffer).set([0x7f802000, 0xffc00000, 0x7f800000, 0x33800000].slice(0, pixels));
  const planes: Plane[] = [
    { name: 'B', type: 'half', data: halves },
    { name: 'A.depth', type: 'float', data: new Float32Array(floatBits.buffer) },
    {
      name: 'id',
      type: 'uint',
      data: Uint32Array.from({ length: pixels }, (_, i) => 4_294_967_295 - (i >> 4)),
    },
    { name: 'Ä long name of a channel, of more than 31 bytes', type: 'half', data: halves.map((v) => -v) },
  ];
  return {
    name,
    view: undefined,
    dataWindow: window,
    displayWindow: { xMin: 0, yMin: 0, xMax: 63, yMax: 63 },
    attributes: new Map([['owner', stringAttribute('test')]]),
    planes: new Map(planes.map((plane) => [plane.name, plane])),
  };
}

const bits = (image: Image): (readonly [string, Uint32Array])[][] =>
  image.parts.map((each) =>
    [...each.planes.values()]
      .map((plane) => [plane.name, new Uint32Array(plane.data.buffer.slice(0))] as const)
      .sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b))),
  );

describe.each(WRITABLE_COMPRESSIONS)('writeExr with %s', (compression) => {
  const sizes: [number, number][] = [
    [1, 1],
    [1, 40],
    [40, 1],
    [7, 5],
    [33, 70],
    [64, 32],
  ];

  it.each(sizes)('returns every bit at %i x %i', (width, height) => {
    const image: Image = { parts: [part(width, height, -3, -11)] };
    const bytes = writeExr(image, { compression });
    const read = readExr(bytes);
    expect(bits(read)).toEqual(bits(image));
    expect(read.parts[0]?.dataWindow).toEqual(image.parts[0]?.dataWindow);
    expect(read.parts[0]?.displayWindow).toEqual(image.parts[0]?.displayWindow);
    expect(readHeader(bytes).parts[0]?.compression).toBe(compression);
  });

  it('writes more than one part', () => {
    const image: Image = { parts: [part(9, 4, 0, 0, 'beauty'), part(16, 9, 5, -5, 'extra')] };
    const read = readExr(writeExr(image, { compression }));
    expect(read.parts.map((each) => each.name)).toEqual(['beauty', 'extra']);
    expect(bits(read)).toEqual(bits(image));
  });

  it.each(FIXTURES.filter((name) => name !== 'multi-part.exr'))('returns what it read from %s', (name) => {
    const image = readExr(fixture(name));
    const again = readExr(writeExr(image, { compression }));
    expect(bits(again)).toEqual(bits(image));
    const planes = expectedParts(name)[0]?.channels;
    expect([...(again.parts[0]?.planes.keys() ?? [])]).toEqual([...(planes?.keys() ?? [])].sort());
  });
});

describe('writeExr', () => {
  it('sorts channels by the bytes of their names', () => {
    const header = readHeader(writeExr({ parts: [part(2, 2)] }));
    expect(header.parts[0]?.channels.map((channel) => channel.name[0])).toEqual(['A', 'B', 'i', 'Ä']);
  });

  it('makes smooth pictures smaller', () => {
    const data = Float32Array.from({ length: 128 * 128 }, (_, i) => ((i % 128) >> 3) / 16);
    const plane: Plane = { name: 'Y', type: 'half', data };
    const image: Image = { parts: [{ ...part(128, 128), planes: new Map([['Y', plane]]) }] };
    const raw = writeExr(image, { compression: 'none' }).length;
    for (const compression of ['rle', 'zips', 'zip', 'piz'] as const) {
      expect(writeExr(image, { compression }).length).toBeLessThan(raw / 2);
    }
  });

  it('keeps attributes and adds those that the format demands', () => {
    const attributes = readHeader(writeExr({ parts: [part(2, 2)] })).parts[0]?.attributes;
    expect(attributeText(attributes?.get('owner'))).toBe('test');
    for (const name of ['pixelAspectRatio', 'screenWindowCenter', 'screenWindowWidth', 'lineOrder']) {
      expect(attributes?.has(name)).toBe(true);
    }
  });

  it('saturates floats beyond the range of half', () => {
    const plane: Plane = {
      name: 'Y',
      type: 'half',
      data: Float32Array.of(1e9, -70_000, Number.NEGATIVE_INFINITY),
    };
    const image: Image = { parts: [{ ...part(3, 1), planes: new Map([['Y', plane]]) }] };
    expect(readExr(writeExr(image)).parts[0]?.planes.get('Y')?.data).toEqual(
      Float32Array.of(65504, -65504, Number.NEGATIVE_INFINITY),
    );
  });

  it.each<[string, Image]>([
    ['one part or more', { parts: [] }],
    ['a name of its own', { parts: [part(1, 1), part(1, 1)] }],
    ['a name of its own', { parts: [part(1, 1, 0, 0, 'same'), part(1, 1, 0, 0, 'same')] }],
    ['one channel or more', { parts: [{ ...part(1, 1), planes: new Map() }] }],
    [
      'one pixel or more',
      { parts: [{ ...part(1, 1), dataWindow: { xMin: 0, yMin: 0, xMax: -1, yMax: 0 } }] },
    ],
    [
      'a Float32Array of 4 values',
      { parts: [{ ...part(1, 1), dataWindow: { xMin: 0, yMin: 0, xMax: 1, yMax: 1 } }] },
    ],
    [
      '1 to 255 bytes',
      {
        parts: [
          { ...part(1, 1), planes: new Map([['', { name: '', type: 'half', data: new Float32Array(1) }]]) },
        ],
      },
    ],
  ])('expects %s', (message, image) => {
    expect(() => writeExr(image)).toThrow(expect.objectContaining({ code: 'invalid-argument' }));
    expect(() => writeExr(image)).toThrow(message);
  });
});
