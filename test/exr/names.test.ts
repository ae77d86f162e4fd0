import { describe, expect, it } from 'vitest';
import { attributeText, stringAttribute } from '../../src/exr/attribute.js';
import { readHeader } from '../../src/exr/header.js';
import { readExr } from '../../src/exr/read-exr.js';
import { replaceChannels } from '../../src/exr/replace-channels.js';
import { writeExr } from '../../src/exr/write-exr.js';
import { halfLine, rawFile } from './multi-part-support.js';

const window = { xMin: 0, yMin: 0, xMax: 0, yMax: 0 };
const latin1 = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'latin1'));
const utf8 = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'utf8'));

/** A file with names in an encoding: of a channel, of an attribute and of a part. */
function named(encode: (text: string) => Uint8Array): Uint8Array {
  // Written with a word of as many bytes, which is then replaced: nothing moves.
  const word = 'caf'.padEnd(encode('café').length, '#');
  const ascii = rawFile([
    {
      name: word,
      channels: ['B', `${word}.R`],
      window,
      attributes: { [`${word}note`]: stringAttribute(word) },
      chunks: [halfLine(0, [0x3c00, 0x4000])],
    },
    { name: 'cafe', channels: ['Y'], window, chunks: [halfLine(0, [0])] },
  ]);
  const text = Buffer.from(ascii).toString('latin1');
  return latin1(text.replaceAll(word, Buffer.from(encode('café')).toString('latin1')));
}

const count = (file: Uint8Array, bytes: Uint8Array): number =>
  Buffer.from(file).toString('latin1').split(Buffer.from(bytes).toString('latin1')).length - 1;

describe.each([
  ['Latin-1', latin1],
  ['UTF-8', utf8],
] as const)('names in %s', (_, encode) => {
  const file = named(encode);

  it('are read as text', () => {
    const [part] = readHeader(file).parts;
    expect(part?.name).toBe('café');
    expect(part?.channels.map(({ name }) => name)).toEqual(['B', 'café.R']);
    expect(attributeText(part?.attributes.get('cafénote'))).toBe('café');
  });

  it('keep their bytes where samples are replaced and channels are added', () => {
    const out = replaceChannels(
      file,
      readHeader(file),
      new Map([[0, new Map([['B', Float32Array.of(2)]])]]),
      {
        add: [{ part: 0, name: 'error.SMAPE', type: 'float', data: Float32Array.of(1) }],
      },
    );
    expect(count(out, encode('café'))).toBe(count(file, encode('café')));
    expect(readHeader(out).parts[0]?.channels.map(({ name }) => name)).toEqual([
      'B',
      'café.R',
      'error.SMAPE',
    ]);
    expect(readExr(out).parts[0]?.planes.get('café.R')?.data).toEqual(Float32Array.of(2));
  });

  it('keep their bytes in a file that is written anew', () => {
    expect(count(writeExr(readExr(file)), encode('café'))).toBe(count(file, encode('café')));
  });
});
