import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const BIN = join(ROOT, 'node_modules', '.bin');

function buf(...args: readonly string[]): string {
  const env = { ...process.env, PATH: `${BIN}:${process.env.PATH}` };
  return execFileSync(join(BIN, 'buf'), args, { cwd: ROOT, env, encoding: 'utf8' });
}

function filesBelow(folder: string): Record<string, string> {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.endsWith('.ts'),
  );
  return Object.fromEntries(names.map((name) => [name, readFileSync(join(folder, name), 'utf8')]));
}

it('is linted and formatted', () => {
  expect(buf('lint', 'proto')).toBe('');
  expect(buf('format', '--diff', 'proto')).toBe('');
});

it('is what the service definition generates', () => {
  const folder = mkdtempSync(join(tmpdir(), 'quietframe-gen-'));
  try {
    buf('generate', '--template', 'proto/buf.gen.yaml', '--output', folder);
    const generated = filesBelow(join(folder, 'src/server/gen'));
    expect(Object.keys(generated).length).toBe(2);
    expect(filesBelow(join(ROOT, 'src/server/gen'))).toEqual(generated);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
