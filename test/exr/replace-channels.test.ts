import { describe, expect, it } from 'vitest';
import { attributeText, stringAttribute } from '../../src/exr/attribute.js';
import { readHeader } from '../../src/exr/header.js';
import type { ExrHeader } from '../../src/exr/layout.js';
import { type Replacements, replaceChannels } from '../../src/exr/replace-channels.js';
import { decodePart, type Words, wordsOfValues } from '../../src/exr/samples.js';
import { boxHeight, boxWidth } from '../../src/image/image.js';
import { FIXTURES, fixture } from './fixtures.js';

function allWords(bytes: Uint8Array, header: ExrHeader, index: number): ReadonlyMap<string, Words> {
  const part = header.parts[index];
  if (part === undefined) throw new Error(`no part ${index}`);
  return decodePart(bytes, part, new Set(part.channels.map((channel) => channel.name)));
}

function chunkBytes(bytes: Uint8Array, header: ExrHeader, index: number): Uint8Array[] {
  return (header.parts[index]?.chunks ?? []).map(({ offset, length }) =>
    bytes.slice(offset, offset + length),
  );
}

/** Attributes that may follow the layout of a part that is encoded again. */
const LAYOUT = ['compression', 'lineOrder', 'tiles', 'type', 'chunkCount'];

describe.each(FIXTURES)('replaceChannels in %s', (name) => {
  const bytes = fixture(name);
  const header = readHeader(bytes);

  it('copies a file bit for bit in which nothing is touched', () => {
    const out = replaceChannels(bytes, header, new Map());
    const again = readHeader(out);
    expect(again.parts.map((part) => part.attributes)).toEqual(header.parts.map((part) => part.attributes));
    for (const { index } of header.parts) {
      expect(chunkBytes(out, again, index)).toEqual(chunkBytes(bytes, header, index));
    }
    expect(out.length).toBe(bytes.length);
  });

  it.each(header.parts.map((part) => part.index))(
    'replaces one channel of part %i and keeps all else',
    (index) => {
      const part = header.parts[index];
      if (part === undefined) throw new Error('unreachable');
      const channel = part.channels.find((each) => each.type !== 'uint') ?? part.channels[0];
      if (channel === undefined) throw new Error('unreachable');
      const pixels = boxWidth(part.dataWindow) * boxHeight(part.dataWindow);
      const data = Float32Array.from({ length: pixels }, (_, i) => i / 7 - 3);
      const replacements: Replacements = new Map([[index, new Map([[channel.name, data]])]]);
      const out = replaceChannels(bytes, header, replacements, {
        attributes: new Map([['quietframe:model', stringAttribute('test/1')]]),
      });
      const again = readHeader(out);

      const before = allWords(bytes, header, index);
      const after = allWords(out, again, index);
      expect([...after.keys()]).toEqual([...before.keys()]);
      for (const [each, words] of after) {
        const expected = each === channel.name ? wordsOfValues(data, channel.type) : before.get(each);
        expect(words).toEqual(expected);
      }
      for (const other of header.parts) {
        const attributes = new Map(again.parts[other.index]?.attributes);
        const touched = other.index === index;
        expect(attributeText(attributes.get('quietframe:model'))).toBe(
          touched || other.index === 0 ? 'test/1' : undefined,
        );
        attributes.delete('quietframe:model');
        const kept = ([key]: [string, unknown]): boolean => !touched || !LAYOUT.includes(key);
        expect([...attributes].filter(kept)).toEqual([...other.attributes].filter(kept));
        if (touched) continue;
        expect(chunkBytes(out, again, other.index)).toEqual(chunkBytes(bytes, header, other.index));
      }
      const lossless = ['none', 'rle', 'zips', 'zip', 'piz'].includes(part.compression);
      expect(again.parts[index]?.compression).toBe(lossless ? part.compression : 'zip');
      expect(again.parts[index]?.tiles).toBeUndefined();
    },
  );
});

describe('replaceChannels', () => {
  const bytes = fixture('multi-part.exr');
  const header = readHeader(bytes);
  const data = new Float32Array(16 * 9).fill(0.5);

  it('adds channels in the order that the format demands', () => {
    const out = replaceChannels(bytes, header, new Map(), {
      add: [
        { part: 1, name: 'error.SMAPE', type: 'half', data },
        { part: 1, name: 'samples.spp', type: 'uint', data: new Uint32Array(16 * 9).fill(128) },
      ],
    });
    const again = readHeader(out);
    expect(again.parts[1]?.channels.map((channel) => channel.name)).toEqual([
      'Z',
      'error.SMAPE',
      'samples.spp',
    ]);
    const words = allWords(out, again, 1);
    expect(words.get('Z')).toEqual(allWords(bytes, header, 1).get('Z'));
    expect(words.get('error.SMAPE')).toEqual(new Uint16Array(16 * 9).fill(0x3800));
    expect(words.get('samples.spp')?.[0]).toBe(128);
  });

  it('keeps the NaN payloads of channels beside the one that is replaced', () => {
    const nan = Uint32Array.from({ length: 16 * 9 }, (_, i) => 0x7f800001 + i);
    const withNan = replaceChannels(bytes, header, new Map(), {
      add: [{ part: 1, name: 'nan', type: 'float', data: new Float32Array(nan.buffer) }],
    });
    const again = readHeader(withNan);
    const out = replaceChannels(withNan, again, new Map([[1, new Map([['Z', data]])]]));
    const words = allWords(out, readHeader(out), 1).get('nan') as Words;
    expect(new Uint32Array(words.buffer)).toEqual(nan);
  });

  it('writes the compression that is asked for', () => {
    const out = replaceChannels(bytes, header, new Map([[0, new Map([['R', data]])]]), {
      compression: 'piz',
    });
    expect(readHeader(out).parts.map((part) => part.compression)).toEqual(['piz', 'piz', 'zip', 'dwaa']);
  });

  it.each<[string, Replacements]>([
    ['0 to 3', new Map([[4, new Map([['R', data]])]])],
    ['a channel of the file', new Map([[0, new Map([['missing', data]])]])],
    ['a Float32Array of 144 values', new Map([[0, new Map([['R', new Float32Array(3)]])]])],
    ['a Uint32Array of 144 values', new Map([[0, new Map([['id', data]])]])],
  ])('expects %s', (message, replacements) => {
    expect(() => replaceChannels(bytes, header, replacements)).toThrow(message);
  });

  it('expects a new channel to be new', () => {
    const add = [{ part: 0, name: 'R', type: 'half', data } as const];
    expect(() => replaceChannels(bytes, header, new Map(), { add })).toThrow('a new channel');
  });
});
