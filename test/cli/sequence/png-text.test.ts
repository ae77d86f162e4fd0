import { PNG } from 'pngjs';
import { expect, it } from 'vitest';
import { pngText, withPngText } from '../../../src/cli/sequence/png-text.js';

const png = new Uint8Array(PNG.sync.write(new PNG({ width: 2, height: 1 })));

it('writes a text that it reads, in a file that others read', () => {
  const written = withPngText(withPngText(png, 'other', 'a'), 'word', 'some text');
  expect(pngText(written, 'word')).toBe('some text');
  expect(pngText(written, 'other')).toBe('a');
  const { width, height } = PNG.sync.read(Buffer.from(written), { checkCRC: true });
  expect([width, height]).toEqual([2, 1]);
});

it.each([
  ['another keyword', withPngText(png, 'other', 'a')],
  ['no text', png],
  ['no PNG', Buffer.from('v/1 no picture')],
  ['a file that is cut off', withPngText(png, 'word', 'some text').subarray(0, 40)],
  ['nothing', new Uint8Array()],
])('finds no text in %s', (_, file) => {
  expect(pngText(file, 'word')).toBeUndefined();
});
