import { existsSync } from 'node:fs';
import { expect, it } from 'vitest';
import { SETTINGS } from '../../src/config.js';
import { ERROR_TABLE } from '../../src/errors.js';
import { WARNING_CODES } from '../../src/frame/frame.js';
import { PAGES, readPage } from './code-blocks.js';

const ROOT = new URL('../../', import.meta.url);

/** As Markdown's renderers name a heading. */
function anchorsOf(text: string): ReadonlySet<string> {
  return new Set(
    [...text.matchAll(/^#+ (.+)$/gm)].map(([, title]) =>
      (title as string)
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N}_\- ]/gu, '')
        .replaceAll(' ', '-'),
    ),
  );
}

it.each(PAGES)('%s links to what is there', (page) => {
  const text = readPage(page).replaceAll(/^```[\s\S]*?^```/gm, '');
  const broken = [...text.matchAll(/\]\(([^)\s]+)\)/g)].flatMap(([, link]) => {
    const [path = '', anchor] = (link as string).split('#');
    if (/^https?:/.test(path)) return [];
    const target = new URL(path, new URL(page, ROOT));
    if (path !== '' && !existsSync(target)) return [link];
    if (anchor === undefined) return [];
    const there = path === '' ? page : target.href.slice(ROOT.href.length);
    return anchorsOf(readPage(there)).has(anchor) ? [] : [link];
  });
  expect(broken).toEqual([]);
});

/** What clients read themselves. */
const OF_CLIENTS = ['QUIETFRAME_URL', 'QUIETFRAME_TOKEN'];

it.each(PAGES)('%s names settings that there are', (page) => {
  const known: readonly string[] = [...OF_CLIENTS, ...Object.values(SETTINGS).map(({ env }) => env)];
  const named = [...readPage(page).matchAll(/\b(?:QUIETFRAME|OTEL)_[A-Z_]+[A-Z]\b/g)].map(([name]) => name);
  expect(named.filter((name) => !known.includes(name))).toEqual([]);
});

it('tells of every warning in the page on troubles, and of no code that is unknown', () => {
  const page = readPage('docs/troubleshooting.md');
  // These two say what was asked for and is not there; the page has their place in the text of the parameter.
  const elsewhere = ['other-views', 'other-layers', 'no-split'];
  const untold = Object.keys(WARNING_CODES).filter((code) => !page.includes(`\`${code}\``));
  expect(untold.filter((code) => !elsewhere.includes(code))).toEqual([]);
  const codes: readonly string[] = [...Object.keys(WARNING_CODES), ...Object.keys(ERROR_TABLE)];
  const named = [...page.matchAll(/`([a-z]+(?:-[a-z]+)+)`/g)].map(([, code]) => code as string);
  expect(named.filter((code) => !codes.includes(code) && code !== 'sample-map')).toEqual([]);
});
