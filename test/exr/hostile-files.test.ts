import { deflateSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { type ErrorCode, QuietframeError } from '../../src/errors.js';
import { readHeader } from '../../src/exr/header.js';
import { readExr } from '../../src/exr/read-exr.js';
import { FIXTURES, fixture } from './fixtures.js';

const int = (...values: number[]): Buffer => Buffer.from(Int32Array.from(values).buffer);
const uint64 = (value: number | bigint): Buffer => Buffer.from(BigUint64Array.of(BigInt(value)).buffer);
const text = (value: string): Buffer => Buffer.from(`${value}\0`, 'latin1');
const attribute = (name: string, type: string, value: Uint8Array): Buffer =>
  Buffer.concat([text(name), text(type), int(value.length), value]);
const channel = (name: string, type = 1, sampling = 1): Buffer =>
  Buffer.concat([text(name), int(type, 0, sampling, sampling)]);
const channelList = (...channels: Buffer[]): Buffer => Buffer.concat([...channels, Buffer.of(0)]);
const channels = (count: number): Buffer =>
  Buffer.concat(Array.from({ length: count }, (_, i) => channel(`c${i}`)));

/** Attributes of a valid part of one scan line with 4 half samples, by name. */
const VALID: Readonly<Record<string, Buffer>> = {
  channels: attribute('channels', 'chlist', channelList(channel('Y'))),
  compression: attribute('compression', 'compression', Buffer.of(0)),
  dataWindow: attribute('dataWindow', 'box2i', int(0, 0, 3, 0)),
  displayWindow: attribute('displayWindow', 'box2i', int(0, 0, 3, 0)),
  lineOrder: attribute('lineOrder', 'lineOrder', Buffer.of(0)),
};

interface FileParts {
  version?: number;
  /** Attributes that replace or follow the valid ones; undefined takes one away. */
  attributes?: Record<string, Buffer | undefined>;
  /** Entries of the chunk table, from the start of the data. */
  table?: (number | bigint)[];
  data?: Buffer;
}

const ONE_CHUNK = Buffer.concat([int(0, 8), Buffer.alloc(8, 1)]);

function file({ version = 2, attributes = {}, table = [0], data = ONE_CHUNK }: FileParts): Uint8Array {
  const values = Object.values({ ...VALID, ...attributes }).filter((value) => value !== undefined);
  const header = Buffer.concat([int(20000630, version), ...values, Buffer.of(0)]);
  const start = header.length + 8 * table.length;
  const entries = table.map((entry) => uint64(typeof entry === 'bigint' ? entry : start + entry));
  return new Uint8Array(Buffer.concat([header, ...entries, data]));
}

/** A file of the given compression, whose one chunk has this data and stands for `width` x `height` samples. */
function packed(compression: number, width: number, height: number, data: Uint8Array): Uint8Array {
  return file({
    attributes: {
      compression: attribute('compression', 'compression', Buffer.of(compression)),
      dataWindow: attribute('dataWindow', 'box2i', int(0, 0, width - 1, height - 1)),
    },
    data: Buffer.concat([int(0, data.length), data]),
  });
}

function refusal(bytes: Uint8Array): QuietframeError {
  try {
    readExr(bytes);
  } catch (error) {
    if (error instanceof QuietframeError) return error;
    throw error;
  }
  throw new Error('the file was read');
}

describe('hostile files', () => {
  it('reads the valid file that the others are made from', () => {
    expect(readExr(file({})).parts[0]?.planes.get('Y')?.data.length).toBe(4);
  });

  const box = (...bounds: number[]): Record<string, Buffer> => ({
    dataWindow: attribute('dataWindow', 'box2i', int(...bounds)),
  });
  const compression = (number: number): Record<string, Buffer> => ({
    compression: attribute('compression', 'compression', Buffer.of(number)),
  });
  const tiles = (x: number, y: number, mode: number): Record<string, Buffer> => ({
    tiles: attribute('tiles', 'tiledesc', Buffer.concat([int(x, y), Buffer.of(mode)])),
  });
  const part = (name: string): Buffer =>
    Buffer.concat([
      ...Object.values(VALID),
      attribute('name', 'string', Buffer.from(name)),
      attribute('type', 'string', Buffer.from('scanlineimage')),
      attribute('chunkCount', 'int', int(1)),
      Buffer.of(0),
    ]);
  const multiPart = (...names: string[]): Uint8Array =>
    new Uint8Array(Buffer.concat([int(20000630, 0x1002), ...names.map(part), Buffer.alloc(9)]));

  const cases: [string, ErrorCode, RegExp, Uint8Array][] = [
    ['nothing', 'malformed-exr', /magic/, new Uint8Array(0)],
    [
      'another format',
      'malformed-exr',
      /start of an OpenEXR file/,
      new Uint8Array(Buffer.from('not OpenEXR')),
    ],
    ['another version', 'unsupported-exr', /version/, file({ version: 3 })],
    ['unknown flags', 'unsupported-exr', /flags/, file({ version: 2 | 0x2000 })],
    ['deep data', 'unsupported-exr', /deep/, file({ version: 2 | 0x800 })],
    ['tiled and multi-part flags', 'malformed-exr', /flags/, file({ version: 2 | 0x1200 })],
    ...['channels', 'compression', 'dataWindow'].map((name): [string, ErrorCode, RegExp, Uint8Array] => [
      `no ${name}`,
      'malformed-exr',
      new RegExp(`"${name}" of part 0`),
      file({ attributes: { [name]: undefined } }),
    ]),
    [
      'an attribute of another type',
      'malformed-exr',
      /type box2i/,
      file({ attributes: { dataWindow: attribute('dataWindow', 'v4i', int(0, 0, 3, 0)) } }),
    ],
    [
      'an attribute twice',
      'malformed-exr',
      /"owner" of part 0/,
      file({
        attributes: {
          owner: attribute('owner', 'string', Buffer.from('a')),
          again: attribute('owner', 'string', Buffer.from('a')),
        },
      }),
    ],
    [
      'an attribute of 4 GiB',
      'too-large',
      /"big" of part 0/,
      file({ attributes: { big: Buffer.concat([text('big'), text('string'), int(-1)]) } }),
    ],
    [
      'an attribute beyond the end',
      'malformed-exr',
      /"big" of part 0/,
      file({ attributes: { big: Buffer.concat([text('big'), text('string'), int(100_000)]) } }),
    ],
    [
      'a name without end',
      'malformed-exr',
      /name of part 0/,
      file({ attributes: { big: Buffer.alloc(100_000, 'x') } }),
    ],
    [
      'many attributes',
      'too-large',
      /attributes of part 0/,
      file({
        attributes: {
          many: Buffer.concat(Array.from({ length: 2000 }, (_, i) => attribute(`a${i}`, 'int', int(i)))),
        },
      }),
    ],
    ['an inverted window', 'malformed-exr', /dataWindow/, file({ attributes: box(3, 0, 0, 0) })],
    ['a window without pixels', 'malformed-exr', /dataWindow/, file({ attributes: box(0, 0, -1, -1) })],
    [
      'a window at the end of int32',
      'malformed-exr',
      /dataWindow/,
      file({ attributes: box(2147483646, 0, 2147483647, 0) }),
    ],
    [
      'a window of all int32',
      'malformed-exr',
      /dataWindow/,
      file({ attributes: box(-(2 ** 31), 0, 2147483647, 0) }),
    ],
    [
      '10^18 pixels',
      'too-large',
      /pixels of part 0/,
      file({ attributes: box(0, 0, 999_999_999, 999_999_999) }),
    ],
    ['a long line', 'malformed-exr', /chunk 0 of part 0/, packed(3, 200_000_000, 1, Buffer.alloc(40))],
    [
      'an inverted display window',
      'malformed-exr',
      /displayWindow/,
      file({ attributes: { displayWindow: attribute('displayWindow', 'box2i', int(0, 9, 3, 0)) } }),
    ],
    [
      'unknown compression',
      'unsupported-exr',
      /compression of part 0/,
      file({ attributes: compression(77) }),
    ],
    ['LJ2K', 'unsupported-exr', /LJ2K/, file({ attributes: compression(12) })],
    [
      'HTJ2K without a list of channels',
      'malformed-exr',
      /begins with HT/,
      packed(11, 64, 32, Buffer.alloc(40)),
    ],
    ['Zstandard without its prefix', 'malformed-exr', /zstd-exr/, packed(13, 64, 1, Buffer.alloc(40))],
    ['mip-map levels', 'unsupported-exr', /mip-map/, file({ version: 0x202, attributes: tiles(4, 4, 1) })],
    ['rip-map levels', 'unsupported-exr', /rip-map/, file({ version: 0x202, attributes: tiles(4, 4, 2) })],
    [
      'tiles of no size',
      'malformed-exr',
      /tiles of part 0/,
      file({ version: 0x202, attributes: tiles(0, 4, 0) }),
    ],
    [
      'tiles of negative size',
      'malformed-exr',
      /tiles of part 0/,
      file({ version: 0x202, attributes: tiles(4, -4, 0) }),
    ],
    ['no tiles', 'malformed-exr', /"tiles" of part 0/, file({ version: 0x202 })],
    [
      '10^8 tiles',
      'too-large',
      /chunks of the OpenEXR file/,
      file({ version: 0x202, attributes: { ...tiles(1, 1, 0), ...box(0, 0, 9999, 9999) } }),
    ],
    ...(
      [
        ['no channels', 'malformed-exr', /one channel or more/, channelList()],
        ['an unfinished channel list', 'malformed-exr', /channel list/, Buffer.concat([channel('Y')])],
        ['a cut channel list', 'malformed-exr', /channel list/, channel('Y').subarray(0, 9)],
        [
          'bytes behind the channel list',
          'malformed-exr',
          /channel list/,
          Buffer.concat([channelList(channel('Y')), Buffer.of(0)]),
        ],
        [
          'a channel twice',
          'malformed-exr',
          /channel "Y" of part 0/,
          channelList(channel('Y'), channel('Y')),
        ],
        ['a channel of unknown type', 'malformed-exr', /channel "Y" of part 0/, channelList(channel('Y', 3))],
        ['a sampling of 0', 'malformed-exr', /sampling of channel "Y"/, channelList(channel('Y', 1, 0))],
        ['a subsampled channel', 'unsupported-exr', /channel "BY"/, channelList(channel('BY', 1, 2))],
        ['10^6 channels', 'too-large', /channels/, channelList(Buffer.alloc(18_000_000, channel('c')))],
        ['20000 channels', 'too-large', /channels/, channelList(channels(20_000))],
      ] as const
    ).map(([name, code, message, list]): [string, ErrorCode, RegExp, Uint8Array] => [
      name,
      code,
      message,
      file({ attributes: { channels: attribute('channels', 'chlist', list) } }),
    ]),
    ['no parts', 'malformed-exr', /one part or more/, multiPart()],
    ['two parts of one name', 'malformed-exr', /name of its own/, multiPart('same', 'same')],
    ['a part without a name', 'malformed-exr', /a name/, multiPart('')],
    ['2000 parts', 'too-large', /parts/, multiPart(...Array.from({ length: 2000 }, (_, i) => `p${i}`))],
    ['a cut chunk table', 'malformed-exr', /chunk tables/, file({ table: [], data: Buffer.alloc(4) })],
    ['a chunk in the header', 'malformed-exr', /chunk 0 of part 0/, file({ table: [8n] })],
    ['a chunk behind the end', 'malformed-exr', /chunk 0 of part 0/, file({ table: [1000] })],
    ['a chunk at 2^64', 'malformed-exr', /chunk 0 of part 0/, file({ table: [2n ** 64n - 1n] })],
    [
      'a chunk longer than the file',
      'malformed-exr',
      /cut off or damaged/,
      file({ data: Buffer.concat([int(0, 2 ** 30), Buffer.alloc(8)]) }),
    ],
    [
      'a chunk of negative length',
      'malformed-exr',
      /cut off or damaged/,
      file({ data: Buffer.concat([int(0, -8), Buffer.alloc(8)]) }),
    ],
    [
      'a chunk outside the window',
      'malformed-exr',
      /data window/,
      file({ data: Buffer.concat([int(5, 8), Buffer.alloc(8)]) }),
    ],
    [
      'a chunk between lines',
      'malformed-exr',
      /data window/,
      file({ attributes: compression(3), data: Buffer.concat([int(1, 8), Buffer.alloc(8)]) }),
    ],
    [
      'a chunk twice',
      'malformed-exr',
      /one that is taken/,
      file({ attributes: box(0, 0, 3, 1), table: [0, 0] }),
    ],
    [
      'chunks that share bytes',
      'malformed-exr',
      /bytes of their own/,
      file({
        attributes: { ...box(0, 0, 3, 63), ...compression(3) },
        table: [0, 8, 16, 24],
        data: Buffer.concat([int(0, 472, 16, 464, 32, 456, 48, 448), Buffer.alloc(448)]),
      }),
    ],
    ['samples that are too few', 'malformed-exr', /chunk at \(0, 0\)/, packed(0, 5, 1, Buffer.alloc(8))],
    ['samples that are too many', 'malformed-exr', /chunk at \(0, 0\)/, packed(0, 3, 1, Buffer.alloc(8))],
    ['no deflate stream', 'malformed-exr', /deflate/, packed(3, 64, 16, Buffer.alloc(64, 7))],
    ['a deflate bomb', 'malformed-exr', /deflate/, packed(3, 64, 16, deflateSync(Buffer.alloc(1_000_000)))],
    [
      'a deflate stream that ends early',
      'malformed-exr',
      /deflate/,
      packed(3, 64, 16, deflateSync(Buffer.alloc(2047))),
    ],
    [
      'a deflate bomb in PXR24',
      'malformed-exr',
      /deflate/,
      packed(5, 64, 16, deflateSync(Buffer.alloc(1_000_000))),
    ],
    ['run lengths that are too long', 'malformed-exr', /runs/, packed(1, 64, 1, Buffer.alloc(100, 127))],
    ['run lengths that end early', 'malformed-exr', /runs/, packed(1, 64, 1, Buffer.of(127, 0, 127))],
    [
      'a PIZ bitmap that is too long',
      'malformed-exr',
      /PIZ/,
      packed(4, 64, 32, Buffer.from('0000ffff00000000', 'hex')),
    ],
    [
      'a PIZ chunk without codes',
      'malformed-exr',
      /Huffman/,
      packed(4, 64, 32, Buffer.concat([Buffer.from('ff1f0000', 'hex'), int(0)])),
    ],
    ['B44 blocks that end early', 'malformed-exr', /B44/, packed(6, 64, 32, Buffer.alloc(400))],
    ['a DWA chunk without a header', 'malformed-exr', /DWA/, packed(8, 64, 32, Buffer.alloc(20))],
    [
      'DWA sizes of 2^64',
      'malformed-exr',
      /DWA/,
      packed(8, 64, 32, Buffer.concat([uint64(0), Buffer.alloc(100, 255)])),
    ],
  ];

  it.each(cases)('refuses %s', (_, code, message, bytes) => {
    const error = refusal(bytes);
    expect(error.code).toBe(code);
    expect(error.message).toMatch(message);
  });

  it('holds the limits that it is given', () => {
    const bytes = fixture('multi-part.exr');
    const limits = {
      maxFileBytes: 100,
      maxPixels: 16 * 9 - 1,
      maxParts: 3,
      maxChannels: 20,
      maxAttributes: 5,
      maxAttributeBytes: 20,
      maxChunks: 8,
      maxChunkBytes: 1000,
    };
    expect(readHeader(bytes).parts.length).toBe(4);
    for (const [name, value] of Object.entries(limits)) {
      expect(() => readHeader(bytes, { [name]: value }), name).toThrow(
        expect.objectContaining({ code: 'too-large' }),
      );
    }
  });

  it.each(FIXTURES)('refuses %s cut at any byte of its header, and anywhere else', (name) => {
    const bytes = fixture(name);
    const dataStart = Math.min(
      ...readHeader(bytes).parts.flatMap((part) => part.chunks.map((each) => each.offset)),
    );
    const accepted: number[] = [];
    for (let length = 0; length < bytes.length; length += length < dataStart ? 1 : 97) {
      try {
        readExr(bytes.subarray(0, length));
        accepted.push(length);
      } catch (error) {
        if (!(error instanceof QuietframeError) || error.code === 'too-large') throw error;
      }
    }
    expect(accepted).toEqual([]);
  });
});
