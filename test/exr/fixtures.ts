import { readdirSync, readFileSync } from 'node:fs';
import type { SampleType } from '../../src/image/image.js';

interface Expected {
  files: Record<string, { name: string; channels: Record<string, [SampleType, number]> }[]>;
  planes: string[];
}

const FOLDER = new URL('./fixtures/', import.meta.url);
const expected = JSON.parse(readFileSync(new URL('expected.json', FOLDER), 'utf8')) as Expected;

/** Files made by the official binding and by Mitsuba; see `fixtures/make.py`. */
export const FIXTURES: readonly string[] = readdirSync(FOLDER)
  .filter((name) => name.endsWith('.exr'))
  .sort();

export function fixture(name: string): Uint8Array {
  return new Uint8Array(readFileSync(new URL(name, FOLDER)));
}

export interface ExpectedChannel {
  readonly type: SampleType;
  /** Bits of the samples as the official library reads them, in 16-bit words. */
  readonly words: Uint16Array;
}

/** What a fixture holds, by part and channel. */
export function expectedParts(name: string): { name: string; channels: Map<string, ExpectedChannel> }[] {
  return (expected.files[name] ?? []).map((part) => ({
    name: part.name,
    channels: new Map(
      Object.entries(part.channels).map(([channel, [type, plane]]) => {
        const bytes = new Uint8Array(Buffer.from(expected.planes[plane] as string, 'base64'));
        return [channel, { type, words: new Uint16Array(bytes.buffer) }];
      }),
    ),
  }));
}
