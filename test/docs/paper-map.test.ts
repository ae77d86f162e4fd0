import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { readPage } from './code-blocks.js';

const ROOT = new URL('../../', import.meta.url);

/** `path:name` in code spans of the tables, or a path alone. */
const PLACES = [
  ...readPage('docs/papers.md').matchAll(/`((?:assembly|src|training|bench)\/[^`:]+)(?::(\w+))?`/g),
].map(([, path, name]) => [path as string, name] as const);

/** Where a name is defined: a function, class or constant of either language, or a method. */
function defines(text: string, name: string): boolean {
  return new RegExp(
    `^\\s*(export )?((async )?function\\*? |class |const |interface |def |(static )?(async )?)${name}\\b(\\(| =|:| \\{)`,
    'm',
  ).test(text);
}

describe('the map of the papers', () => {
  it('has the places of both', () => {
    expect(PLACES.length).toBeGreaterThan(40);
  });

  it.each(PLACES)('%s has %s', (path, name) => {
    expect(existsSync(new URL(path, ROOT))).toBe(true);
    if (name !== undefined) expect(defines(readFileSync(new URL(path, ROOT), 'utf8'), name)).toBe(true);
  });

  it('does not take a call for a definition', () => {
    expect(defines('const a = smape(b);', 'smape')).toBe(false);
    expect(defines('export function smape(a: Raster): number {', 'smape')).toBe(true);
    expect(defines('    def single_scale(self):', 'single_scale')).toBe(true);
  });
});
