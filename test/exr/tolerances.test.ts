import { describe, expect, it } from 'vitest';
import { readHeader } from '../../src/exr/header.js';
import { readExr } from '../../src/exr/read-exr.js';
import { deepLines, lines, rawFile } from './multi-part-support.js';

/*
 * What the reference library (OpenEXR 3.5) reads of files that are not quite as the format wants them: the cases and their
 * outcomes were taken from it.
 */

const int = (...values: number[]): Buffer => Buffer.from(Int32Array.from(values).buffer);
const text = (value: string): Buffer => Buffer.from(`${value}\0`, 'latin1');
type Entry = readonly [name: string, type: string, value: Uint8Array];
const [WIDTH, HEIGHT] = [3, 4];
const BOX = int(0, 0, WIDTH - 1, HEIGHT - 1);
const CHANNELS = Buffer.concat([text('Y'), int(2, 0, 1, 1), Buffer.of(0)]);
const ATTRIBUTES: readonly Entry[] = [
  ['channels', 'chlist', CHANNELS],
  ['compression', 'compression', Buffer.of(0)],
  ['dataWindow', 'box2i', BOX],
  ['displayWindow', 'box2i', BOX],
  ['lineOrder', 'lineOrder', Buffer.of(0)],
];
const without = (name: string): readonly Entry[] => ATTRIBUTES.filter(([own]) => own !== name);

interface Recipe {
  readonly attributes?: readonly Entry[];
  /** Entries of the chunk table that are zero. */
  readonly zeros?: readonly number[];
  /** Order of the lines in the file. */
  readonly order?: readonly number[];
}

/** One channel of floats, 10 times the line and the column in each pixel. */
function file({ attributes = ATTRIBUTES, zeros = [], order = [0, 1, 2, 3] }: Recipe = {}): Uint8Array {
  const header = Buffer.concat([
    int(20000630, 2),
    ...attributes.map(([name, type, value]) =>
      Buffer.concat([text(name), text(type), int(value.length), value]),
    ),
    Buffer.of(0),
  ]);
  const line = (y: number): Buffer => {
    const samples = Float32Array.from({ length: WIDTH }, (_, x) => 10 * y + x);
    return Buffer.concat([int(y, 4 * WIDTH), Buffer.from(samples.buffer)]);
  };
  const start = header.length + 8 * HEIGHT;
  const table = BigUint64Array.from({ length: HEIGHT }, (_, y) =>
    zeros.includes(y) ? 0n : BigInt(start + order.indexOf(y) * line(y).length),
  );
  return new Uint8Array(Buffer.concat([header, Buffer.from(table.buffer), ...order.map(line)]));
}

const EXPECTED = Float32Array.from(
  { length: WIDTH * HEIGHT },
  (_, i) => 10 * Math.floor(i / WIDTH) + (i % WIDTH),
);
const samples = (bytes: Uint8Array) => readExr(bytes).parts[0]?.planes.get('Y')?.data;
const again = (...entry: Entry): Recipe => ({ attributes: [...ATTRIBUTES, entry] });
const ALL = [0, 1, 2, 3];

describe('files that are not quite as the format wants them', () => {
  it.each<[string, Recipe]>([
    ['as it should be', {}],
    ['without a line order', { attributes: without('lineOrder') }],
    ['of an unknown line order', again('lineOrder', 'lineOrder', Buffer.of(9))],
    ['without a display window', { attributes: without('displayWindow') }],
    ['with two data windows', again('dataWindow', 'box2i', BOX)],
    ['with two channel lists', again('channels', 'chlist', CHANNELS)],
    ['with two compressions', again('compression', 'compression', Buffer.of(0))],
    [
      'with two names',
      { attributes: [...ATTRIBUTES, ['name', 'string', text('a')], ['name', 'string', text('b')]] },
    ],
    ['whose chunk table is zero', { zeros: ALL }],
    ['whose chunk table has a zero', { zeros: [1] }],
    ['whose chunk table ends with a zero', { zeros: [3] }],
    ['whose chunk table is zero and whose lines are reversed', { zeros: ALL, order: [3, 2, 1, 0] }],
  ])('reads a file %s', (_, recipe) => {
    expect(samples(file(recipe))).toEqual(EXPECTED);
  });

  it('takes the last of two display windows, and the data window for none', () => {
    const windowOf = (recipe: Recipe) => readHeader(file(recipe)).parts[0]?.displayWindow;
    expect(windowOf(again('displayWindow', 'box2i', int(0, 0, 9, 9)))).toMatchObject({ xMax: 9, yMax: 9 });
    expect(windowOf({ attributes: without('displayWindow') })).toMatchObject({ xMax: 2, yMax: 3 });
  });

  it('reads a multi-part file whose chunk tables are zero, with a deep part', () => {
    const window = { xMin: 0, yMin: 0, xMax: 1, yMax: 1 };
    const flat = (name: string, value: number) => ({
      ...{ name, channels: ['Y'], window },
      chunks: [0, 1].map((y) => lines(y, new Uint8Array(Uint16Array.of(value, value + y).buffer))),
    });
    const deep = {
      ...{ name: 'deep', type: 'deepscanline', channels: ['Z'], window },
      chunks: [0, 1].map((y) =>
        deepLines(y, Uint8Array.of(1, 0, 0, 0, 2, 0, 0, 0), Uint8Array.of(1, 2, 3, 4)),
      ),
    };
    const bytes = rawFile([flat('a', 0x3c00), deep, flat('b', 0x4000)]);
    const whole = readHeader(bytes);
    const first = Math.min(
      ...whole.parts.flatMap(({ chunks }) =>
        chunks.map(({ offset, headerBytes }) => offset - headerBytes - 4),
      ),
    );
    const zeroed = bytes.slice().fill(0, first - 8 * 6, first);
    expect(readHeader(zeroed)).toEqual(whole);
  });

  it.each<[string, RegExp, Uint8Array]>([
    [
      'a truncated file whose chunk table is zero',
      /4 chunks for part 0 .*3 chunks and a table with zeros/,
      file({ zeros: ALL }).slice(0, -13),
    ],
    ['a cut line whose chunk table is zero', /4 chunks for part 0/, file({ zeros: ALL }).slice(0, -3)],
    [
      'a repeated line whose chunk table is zero',
      /chunk 3 of part 0/,
      file({ zeros: ALL, order: [0, 1, 2, 2] }),
    ],
    [
      'another attribute twice',
      /"owner" of part 0/,
      file({ attributes: [...ATTRIBUTES, ['owner', 'string', text('a')], ['owner', 'string', text('a')]] }),
    ],
    ['no data window', /"dataWindow" of part 0/, file({ attributes: without('dataWindow') })],
    ['no compression', /"compression" of part 0/, file({ attributes: without('compression') })],
    ['a smaller data window again', /part 0/, file(again('dataWindow', 'box2i', int(0, 0, 1, 1)))],
  ])('refuses %s', (_, message, bytes) => {
    expect(() => readExr(bytes)).toThrow(message);
  });
});
