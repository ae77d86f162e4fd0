// Lists the tables of renderers: every file in src/frame/layers/sources is one, exports a constant of its file's name, and
// is found here. Writes src/frame/source-names.ts and src/frame/layers/source-list.ts; `--check` only compares them.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..', 'src', 'frame');
const found = readdirSync(join(root, 'layers', 'sources'))
  .filter((file) => file.endsWith('.ts'))
  .map((file) => file.slice(0, -'.ts'.length))
  .sort();
// What remains when nothing else fits comes last.
const names = [...found.filter((name) => name !== 'generic'), 'generic'];
const note =
  '// Written by scripts/list-sources.mjs, which the build runs. A new renderer is one file in layers/sources.\n';

const files = {
  'source-names.ts': `${note}
/** Renderers with a table of their layers, by name; \`generic\` is what remains. */
export const SOURCE_NAMES = [
${names.map((name) => `  '${name}',`).join('\n')}
] as const;

export type SourceName = (typeof SOURCE_NAMES)[number];
`,
  'layers/source-list.ts': `${note}
import type { RenderSource } from './render-source.js';
${[...found].map((name) => `import { ${name} } from './sources/${name}.js';`).join('\n')}

/** All renderers that are known, by name; \`generic\`, what remains, is the last. */
export const SOURCES: readonly RenderSource[] = [
${names.map((name) => `  ${name},`).join('\n')}
];
`,
};

let isStale = false;
for (const [name, text] of Object.entries(files)) {
  const path = join(root, name);
  let current = '';
  try {
    current = readFileSync(path, 'utf8');
  } catch {
    // Not written yet.
  }
  if (current === text) continue;
  isStale = true;
  if (!process.argv.includes('--check')) writeFileSync(path, text);
}
if (isStale && process.argv.includes('--check')) {
  console.error('The lists of renderers are stale: run npm run build:sources');
  process.exitCode = 1;
}
