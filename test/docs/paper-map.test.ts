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

/** The equations that a text cites: of "equations 3 and 4", "equations 1 to 3", "equations 13, 14" all of them. */
function equationsOf(text: string): number[] {
  return [...text.matchAll(/equations? (\d+)(?:( to |, | and )(\d+))?/gi)].flatMap(
    ([, first, join, last]) => {
      const [from, to] = [Number(first), Number(last ?? first)];
      return join === ' to ' ? Array.from({ length: to - from + 1 }, (_, i) => from + i) : [from, to];
    },
  );
}

/** The comment before a definition in TypeScript, the string after it in Python. */
function documentation(text: string, name: string): string {
  const python = new RegExp(`(?:def|class) ${name}\\b[^:]*:[^\\n]*\\n\\s*"""([^]*?)"""`).exec(text);
  if (python) return python[1] as string;
  const definition = new RegExp(`^(?:export )?(?:async )?(?:function|class) ${name}\\b`, 'm').exec(text);
  const before = text.slice(0, definition?.index).trimEnd();
  return before.endsWith('*/') ? before.slice(before.lastIndexOf('/**')) : '';
}

/** The rows of the tables that name an equation, with the names in them. */
const EQUATIONS = readPage('docs/papers.md')
  .split('\n')
  .filter((row) => row.startsWith('| equation'))
  .flatMap((row) => {
    const cited = equationsOf(row.split('|')[1] as string);
    const places = [...row.matchAll(/`((?:assembly|src|training)\/[^`:]+):(\w+)`/g)];
    return places.map(([, path, name]) => [path as string, name as string, cited] as const);
  });

describe('the map of the papers', () => {
  it('has the places of both', () => {
    expect(PLACES.length).toBeGreaterThan(40);
  });

  it.each(PLACES)('%s has %s', (path, name) => {
    expect(existsSync(new URL(path, ROOT))).toBe(true);
    if (name !== undefined) expect(defines(readFileSync(new URL(path, ROOT), 'utf8'), name)).toBe(true);
  });

  it.each(EQUATIONS)('%s documents %s with equation %s', (path, name, cited) => {
    const found = equationsOf(documentation(readFileSync(new URL(path, ROOT), 'utf8'), name));
    expect(found).toEqual(expect.arrayContaining(cited));
  });

  it('reads citations and documentation', () => {
    expect(EQUATIONS.length).toBeGreaterThan(20);
    expect(equationsOf('equation 3: a sum; equation 4: its softmax')).toEqual([3, 3, 4, 4]);
    expect(equationsOf('Equations 1 to 3')).toEqual([1, 2, 3]);
    expect(equationsOf('equations 13 and 14')).toEqual([13, 14]);
    expect(documentation('/** Equation 9. */\n\n/** None. */\nexport function a() {}', 'a')).toBe(
      '/** None. */',
    );
    expect(documentation('def a(x):\n    """Equation 9."""', 'a')).toBe('Equation 9.');
    expect(documentation('/** Equation 9. */\nconst b = 1;\nfunction a() {}', 'a')).toBe('');
  });

  it('does not take a call for a definition', () => {
    expect(defines('const a = smape(b);', 'smape')).toBe(false);
    expect(defines('export function smape(a: Raster): number {', 'smape')).toBe(true);
    expect(defines('    def single_scale(self):', 'single_scale')).toBe(true);
  });
});
