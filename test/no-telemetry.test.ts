import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const VARIABLE = 'ORT_DISABLE_TELEMETRY';

/** What a process has in its environment, as libraries of C see it, once it has loaded a module. */
function environmentAfter(module: string, given: Record<string, string> = {}): string | undefined {
  const url = new URL(`../dist/${module}`, import.meta.url);
  // A child process inherits the real environment, not what JavaScript makes of it.
  const script = `await import(${JSON.stringify(url.href)});
    const { execFileSync } = await import('node:child_process');
    process.stdout.write(execFileSync('printenv', ['${VARIABLE}']));`;
  const env = { PATH: process.env.PATH, ...given };
  const args = ['--input-type=module', '--eval', script];
  return execFileSync(process.execPath, args, { env, encoding: 'utf8' }).trim();
}

it('keeps ONNX Runtime from reporting to anybody', () => {
  expect(environmentAfter('index.js')).toBe('1');
  expect(environmentAfter('index.js', { [VARIABLE]: '0' })).toBe('0');
  const main = readFileSync(fileURLToPath(new URL('../src/cli/main.ts', import.meta.url)), 'utf8');
  expect(main.split('\n').find((line) => line.startsWith('import'))).toBe("import '../no-telemetry.js';");
});

it.runIf(process.platform === 'linux')('knows the name that the library looks for', () => {
  const binding = dirname(createRequire(import.meta.url).resolve('onnxruntime-node/package.json'));
  const library = join(binding, 'bin/napi-v6/linux', process.arch, 'libonnxruntime.so.1');
  expect(readFileSync(library).includes(`${VARIABLE}\0`)).toBe(true);
});
