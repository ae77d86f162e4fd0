import { execFile, execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { OPENAPI } from '../../src/server/openapi/openapi.js';
import { type CodeBlock, codeBlocks, indentedCode, LANGUAGES, PAGES, readPage } from './code-blocks.js';
import { consoleFaults } from './console-commands.js';
import { ExampleFolder } from './example-folder.js';

const run = promisify(execFile);
const ROOT = fileURLToPath(new URL('../../', import.meta.url));
/** Below the package, so that blocks import it by its name. */
const COMPILED = join(ROOT, 'out', 'docs-blocks');

const blocks = PAGES.flatMap((page) => codeBlocks(page));
const inLanguage = (language: string): readonly (readonly [string, CodeBlock])[] =>
  blocks
    .filter((block) => block.language === language)
    .map((block) => [`${block.page}:${block.line}`, block] as const);

/** Of a block, on a machine that has much to do. */
const PATIENCE_MS = 300_000;

const folder = new ExampleFolder();
beforeAll(() => folder.start(), PATIENCE_MS);
afterAll(() => folder.stop());

describe('pages', () => {
  it.each(PAGES)('%s has a known language on every block, and no block without a fence', (page) => {
    const text = readPage(page);
    expect(indentedCode(text), 'lines of indented code').toEqual([]);
    for (const { language, line } of codeBlocks(page, text)) {
      expect(LANGUAGES, `line ${line}`).toContain(language);
    }
  });

  it('has no commands and no code in text blocks, which nobody tests', () => {
    for (const [where, { text }] of inLanguage('text')) {
      expect(text, where).not.toMatch(
        /^\s*(quietframe (?!\d)|curl|npm|node|python|docker|helm|import |from |const )/m,
      );
    }
  });
});

it('finds what is wrong with commands that are not run', () => {
  expect(consoleFaults('quietframe serve --port 80 && npm run build')).toEqual([]);
  expect(consoleFaults('quietframe serve --ports 80')).toEqual([
    'quietframe serve --ports 80: there is no --ports',
  ]);
  expect(consoleFaults('npm run bulid')).toEqual(['npm run bulid: there is no script bulid']);
  expect(consoleFaults('python -m quietframe_training.train --steps 5 --stop')).toHaveLength(1);
  expect(consoleFaults('docker run quietframe:1 serve --nothing')).toHaveLength(1);
  expect(consoleFaults('helm install x helm/quietframe --set image.colour=red')).toHaveLength(1);
  expect(consoleFaults('node bench/speed/main.mjs --rounds 3')).toEqual([]);
  expect(consoleFaults('node bench/speed/main.mjs --laps 3')).toHaveLength(1);
  expect(consoleFaults('frobnicate')).toHaveLength(1);
});

describe('console', () => {
  it.each(inLanguage('console'))('%s names what there is', (_, { text }) => {
    expect(consoleFaults(text)).toEqual([]);
  });
});

describe('sh', () => {
  it.each(inLanguage('sh'))(
    '%s runs',
    async (_, { text }) => {
      const tools = ['curl', 'openssl', 'sha256sum'].filter((tool) => text.includes(tool));
      const isThere = await run('bash', ['-c', `command -v ${tools.join(' ')}`]).then(
        ({ stdout }) => stdout.trim().split('\n').length >= tools.length,
        () => tools.length === 0,
      );
      // Without a tool that it needs a block is only parsed.
      if (!isThere) return void (await run('bash', ['-n', '-c', text]));
      // What readers see as a problem document is a failure here.
      const curl = 'curl() { command curl --fail --silent --show-error "$@"; }';
      await run('bash', ['-euo', 'pipefail', '-c', `${curl}\n${folder.addressed(text)}`], {
        cwd: folder.path,
        env: folder.environment,
      });
    },
    PATIENCE_MS,
  );
});

describe('http', () => {
  it.each(inLanguage('http'))(
    '%s is answered',
    async (_, { text }) => {
      const [head = '', body] = text.split('\n\n');
      const [start = '', ...fields] = head.split('\n');
      const [method = '', path = ''] = start.split(' ');
      const left = { ...folder.digests };
      const answer = await fetch(`${folder.url}${path.replace('<sha256>', left.frames[1] as string)}`, {
        method,
        headers: Object.fromEntries(fields.map((field) => field.split(': ', 2) as [string, string])),
        ...(body !== undefined && { body: JSON.stringify(withDigests(JSON.parse(body), '')) }),
      });
      expect(answer.status, await answer.clone().text()).toBeLessThan(300);
      await answer.arrayBuffer();
    },
    PATIENCE_MS,
  );
});

/** The digests of files that the service keeps in the place of `<sha256>`, by the name of their field. */
function withDigests(value: unknown, name: string): unknown {
  // Frames have their layers in them: they serve as files of layers, too.
  const field = ['albedo', 'normal'].includes(name) ? 'sequence' : name;
  const digests = folder.digests[field as keyof typeof folder.digests] ?? [];
  if (Array.isArray(value)) {
    return value.map((item, i) => (item === '<sha256>' ? digests[i] : withDigests(item, name)));
  }
  if (value === '<sha256>') return digests[0];
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, withDigests(item, key)]));
}

describe('json', () => {
  it.each(inLanguage('json'))('%s is what the service reads or writes', (_, { text }) => {
    const value: Record<string, unknown> = JSON.parse(text);
    if ('tokens' in value) {
      const tokens = value.tokens as Record<string, unknown>[];
      for (const { name, sha256 } of tokens)
        expect([typeof name, typeof sha256]).toEqual(['string', 'string']);
    } else {
      expect(unknownFields(value, OPENAPI.components.schemas.Report)).toEqual([]);
    }
  });
});

/** Fields that the schema does not have. */
function unknownFields(value: unknown, schema: unknown): readonly string[] {
  const properties = (schema as { properties?: Record<string, unknown> }).properties;
  if (value === null || typeof value !== 'object' || properties === undefined) return [];
  return Object.entries(value).flatMap(([key, item]) =>
    key in properties ? unknownFields(item, properties[key]) : [key],
  );
}

describe('ts', () => {
  const scripts = inLanguage('ts');
  const nameOf = ({ page, line }: CodeBlock): string => `${page.replaceAll(/[/.]/g, '-')}-${line}`;

  beforeAll(async () => {
    rmSync(COMPILED, { recursive: true, force: true });
    mkdirSync(COMPILED, { recursive: true });
    for (const [, block] of scripts) {
      writeFileSync(join(COMPILED, `${nameOf(block)}.ts`), `export {};\n${folder.addressed(block.text)}\n`);
    }
    const unused = { noUnusedLocals: false, noUnusedParameters: false };
    const compilerOptions = { noEmit: false, outDir: '.', rootDir: '.', types: ['node'], ...unused };
    const config = { extends: '../../tsconfig.json', compilerOptions, include: ['*.ts'] };
    writeFileSync(join(COMPILED, 'tsconfig.json'), JSON.stringify(config));
    const compiler = join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc');
    await run(process.execPath, [compiler, '-p', COMPILED]).catch((error: { stdout: string }) => {
      throw new Error(error.stdout);
    });
  }, PATIENCE_MS);
  afterAll(() => rmSync(COMPILED, { recursive: true, force: true }));

  it.each(scripts)(
    '%s compiles and runs',
    async (_, block) => {
      await run(process.execPath, [join(COMPILED, `${nameOf(block)}.js`)], { cwd: folder.path });
    },
    PATIENCE_MS,
  );
});

const PYTHON = ['python3', 'python'].find((name) => {
  try {
    execFileSync(name, ['-c', 'import sys; sys.exit(sys.version_info < (3, 10))'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
});

describe.runIf(PYTHON)('python', () => {
  const python = (script: string): Promise<unknown> =>
    run(PYTHON as string, ['-c', script], { cwd: folder.path, env: folder.environment });

  it.each(inLanguage('python'))(
    '%s runs',
    async (_, { text }) => {
      const imported = [...text.matchAll(/^(?:import|from) ([\w.]+)/gm)].map(([, name]) => name as string);
      const canRun = await python(imported.map((name) => `import ${name}`).join('\n')).then(
        () => true,
        () => false,
      );
      // Without the packages that it needs a block is only parsed.
      await python(canRun ? folder.addressed(text) : `import ast; ast.parse(${JSON.stringify(text)})`);
    },
    PATIENCE_MS,
  );
});

describe('bpy', () => {
  const operators = readPage('plugins/blender/quietframe_blender/operators.py');

  it.each(inLanguage('bpy'))('%s calls operators that the extension has', (_, { text }) => {
    const called = [...text.matchAll(/bpy\.ops\.(quietframe\.\w+)\(/g)].map(([, name]) => name);
    expect(called.length).toBeGreaterThan(0);
    for (const name of called) expect(operators).toContain(`bl_idname = "${name}"`);
  });
});
