import { readdirSync, readFileSync } from 'node:fs';

const ROOT = new URL('../../', import.meta.url);

/** How a block is tested: see CONTRIBUTING.md. */
export const LANGUAGES = ['sh', 'ts', 'python', 'json', 'http', 'console', 'bpy', 'text'] as const;

/** A fenced block of a page. */
export interface CodeBlock {
  /** Path of the page below the root. */
  readonly page: string;
  /** Line of the opening fence, from 1. */
  readonly line: number;
  readonly language: string;
  readonly text: string;
}

/** Pages whose blocks are tested. */
export const PAGES: readonly string[] = [
  'README.md',
  'CONTRIBUTING.md',
  ...pagesIn('docs/'),
  ...pagesIn('docs/decisions/'),
  'clients/python/README.md',
];

function pagesIn(folder: string): readonly string[] {
  return readdirSync(new URL(folder, ROOT))
    .filter((name) => name.endsWith('.md'))
    .sort()
    .map((name) => `${folder}${name}`);
}

export function readPage(page: string): string {
  return readFileSync(new URL(page, ROOT), 'utf8');
}

/** The fenced blocks of a page in their order. */
export function codeBlocks(page: string, text = readPage(page)): readonly CodeBlock[] {
  const blocks: CodeBlock[] = [];
  let open: { line: number; language: string; lines: string[] } | undefined;
  for (const [i, line] of text.split('\n').entries()) {
    const fence = /^```(\S*)/.exec(line);
    if (open === undefined) {
      if (fence !== null) open = { line: i + 1, language: fence[1] ?? '', lines: [] };
    } else if (fence === null) {
      open.lines.push(line);
    } else {
      blocks.push({ page, line: open.line, language: open.language, text: open.lines.join('\n') });
      open = undefined;
    }
  }
  return blocks;
}

/** Lines of a page that Markdown takes for code because they are indented, from 1: they have no language. */
export function indentedCode(text: string): readonly number[] {
  let isFenced = false;
  let isAfterBlank = true;
  return text.split('\n').flatMap((line, i) => {
    if (line.startsWith('```')) isFenced = !isFenced;
    const isCode = !isFenced && isAfterBlank && /^ {4}\S/.test(line);
    isAfterBlank = line.trim() === '';
    return isCode ? [i + 1] : [];
  });
}
