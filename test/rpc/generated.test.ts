import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';

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

describe('what clients were promised (proto/quietframe.binpb)', () => {
  const image = 'proto/quietframe.binpb';
  const folder = mkdtempSync(join(tmpdir(), 'quietframe-proto-'));
  afterAll(() => rmSync(folder, { recursive: true }));

  it('is all that the definition has', () => {
    const built = join(folder, 'built.binpb');
    buf('build', 'proto', '--exclude-source-info', '--output', built);
    expect(readFileSync(built).equals(readFileSync(join(ROOT, image)))).toBe(true);
  });

  it.each([
    ['another number', 'string model = 3;', 'string model = 30;'],
    ['another type', 'optional double lambda = 2;', 'optional string lambda = 2;'],
    ['another name', 'repeated string aovs = 7;', 'repeated string layers = 7;'],
    ['a call less', /\n {2}\/\/ The models that are loaded\.\n.*\n/, '\n'],
  ])('refuses %s', (_, from, to) => {
    cpSync(join(ROOT, 'proto'), folder, { recursive: true });
    const file = join(folder, 'quietframe/v1/denoiser.proto');
    const changed = readFileSync(file, 'utf8').replace(from, to);
    expect(changed).not.toBe(readFileSync(file, 'utf8'));
    writeFileSync(file, changed);
    expect(() => buf('breaking', folder, '--against', image)).toThrow(
      expect.objectContaining({ stdout: expect.stringContaining('denoiser.proto') }),
    );
  });
});
