import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { link, mkdir, mkdtemp, readdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { OverwriteGuard } from '../../src/cli/overwrite-guard.js';
import { withPartialFile } from '../../src/io/partial-files.js';
import { exrFile } from '../support/exr-files.js';

const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));
const INPUTS = ['a.exr', 'b.exr', 'lambda.exr', 'guide.exr', 's.1.exr', 's.2.exr', 's.11.exr', 's.12.exr'];
const frame = exrFile([{ layers: ['RGB'] }], (_, i) => 0.1 + i / 48);
let folder: string;
const at = (name: string): string => join(folder, name);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'quietframe-overwrite-'));
  await mkdir(at('in'));
  await mkdir(at('in/taken'));
  for (const name of INPUTS) await writeFile(at(`in/${name}`), frame);
  await symlink('in', at('alias'));
  await symlink(at('in/a.exr'), at('soft.exr'));
  await link(at('in/a.exr'), at('hard.exr'));
  await symlink(at('in/s.2.exr'), at('soft.0002.exr'));
  await link(at('in/s.1.exr'), at('hard.0001.exr'));
});
afterAll(() => rm(folder, { recursive: true }));

function quietframe(args: readonly string[]): Promise<{ code: number; stderr: string }> {
  return new Promise((resolve) => {
    const options = { cwd: folder, env: { ...process.env, QUIETFRAME_THREADS: '1' } };
    const child = execFile(process.execPath, [MAIN, ...args], options, (_, __, stderr) =>
      resolve({ code: child.exitCode ?? -1, stderr }),
    );
  });
}

describe('no command writes over', () => {
  const out = ['-o', 'out.exr'];
  const clean = ['-o', 'clean.####.exr'];
  it.each<[string, string, readonly string[]]>([
    ['its input by the same path', '--output', ['denoise', 'in/a.exr', '-o', 'in/a.exr']],
    ['its input by another path', '--output', ['denoise', 'in/a.exr', '-o', 'in/taken/../a.exr']],
    ['its input in a linked folder', '--output', ['denoise', 'in/a.exr', '-o', 'alias/a.exr']],
    ['its input by a symbolic link', '--output', ['denoise', 'in/a.exr', '-o', 'soft.exr']],
    ['its input by a hard link', '--output', ['denoise', 'in/a.exr', '-o', 'hard.exr']],
    ['what its input is a link to', '--output', ['denoise', 'soft.exr', '-o', 'in/a.exr']],
    ['the second half', '--output', ['denoise', 'in/a.exr', '--half-b', 'in/b.exr', '-o', 'in/b.exr']],
    [
      'the guide',
      '--output',
      ['denoise', 'in/a.exr', '--upscale', '2', '--guide', 'in/guide.exr', '-o', 'alias/guide.exr'],
    ],
    [
      'the map of lambda',
      '--output',
      ['denoise', 'in/a.exr', '--lambda', 'in/lambda.exr', '-o', 'in/lambda.exr'],
    ],
    ['its input with the report', '--report', ['denoise', 'in/a.exr', ...out, '--report', 'alias/a.exr']],
    [
      'its input with the report, even where the output may be it',
      '--report',
      ['denoise', 'in/a.exr', ...out, '--report', 'hard.exr', '--overwrite-input'],
    ],
    [
      'the second half, even where the output may be the input',
      '--output',
      ['denoise', 'in/a.exr', '--half-b', 'in/b.exr', '-o', 'in/b.exr', '--overwrite-input'],
    ],
    ['its result with the report', '--report', ['denoise', 'in/a.exr', ...out, '--report', './out.exr']],
    ['the input of sample-map', '--output', ['sample-map', 'in/a.exr', '--budget', '4', '-o', 'alias/a.exr']],
    [
      'the second half of sample-map',
      '--output',
      ['sample-map', 'in/a.exr', '--budget', '4', '--half-b', 'in/b.exr', '-o', 'in/b.exr'],
    ],
    [
      'the input of sample-map with the report',
      '--report',
      ['sample-map', 'in/a.exr', '--budget', '4', ...out, '--report', 'hard.exr'],
    ],
    ['frames in a linked folder', '--output', ['sequence', 'in/s.#.exr', '-o', 'alias/s.#.exr']],
    [
      'frames by other digits',
      '--output',
      ['sequence', 'in/s.#.exr', '-o', 'in/s.1#.exr', '--frames', '1-2'],
    ],
    ['a frame by a symbolic link', '--output', ['sequence', 'in/s.#.exr', '-o', 'soft.####.exr']],
    ['a frame by a hard link', '--output', ['sequence', 'in/s.#.exr', '-o', 'hard.####.exr']],
    [
      'a frame that is not denoised with the report',
      '--report',
      ['sequence', 'in/s.#.exr', ...clean, '--frames', '1-2', '--report', 'alias/s.11.exr'],
    ],
    [
      'the map of lambda of a shot',
      '--report',
      ['sequence', 'in/s.#.exr', ...clean, '--lambda', 'in/lambda.exr', '--report', 'in/lambda.exr'],
    ],
    [
      'a result of a shot with the report',
      '--report',
      ['sequence', 'in/s.#.exr', ...clean, '--report', 'clean.0012.exr'],
    ],
  ])('%s', async (_, parameter, args) => {
    const before = (await readdir(folder)).sort();
    const { code, stderr } = await quietframe(args);
    expect(stderr).toMatch(/^quietframe: Expected another file than .+ but received "[^\n]+"\n$/);
    expect(stderr).toContain(`for ${parameter} but`);
    expect(code).toBe(2);
    expect((await readdir(folder)).sort()).toEqual(before);
    for (const name of INPUTS) expect(Buffer.compare(await readFile(at(`in/${name}`)), frame)).toBe(0);
  });

  it('an input that a path has become while it worked', async () => {
    const guard = await OverwriteGuard.check(
      [{ path: at('late.exr'), parameter: '--output' }],
      [at('in/a.exr')],
    );
    await symlink(at('in/a.exr'), at('late.exr'));
    await expect(guard.write(at('late.exr'), 'result')).rejects.toMatchObject({ code: 'invalid-argument' });
    expect(Buffer.compare(await readFile(at('in/a.exr')), frame)).toBe(0);
    await rm(at('late.exr'));
  });
});

describe('written are', () => {
  beforeEach(() => rm(at('out.exr'), { force: true }));

  it('new files, older results and files that have been replaced meanwhile', async () => {
    const outputs = [{ path: at('out.exr'), parameter: '--output' }];
    const guard = await OverwriteGuard.check(outputs, [at('in/a.exr')]);
    await guard.write(at('out.exr'), 'first');
    await writeFile(at('other'), 'other');
    await rename(at('other'), at('out.exr'));
    await guard.write(at('out.exr'), 'second');
    expect(await readFile(at('out.exr'), 'utf8')).toBe('second');
  });

  it('the input where that was asked for, by whatever path', async () => {
    await writeFile(at('own.exr'), 'own');
    const outputs = [{ path: at('alias/../own.exr'), parameter: '--output', mayReplace: at('own.exr') }];
    const guard = await OverwriteGuard.check(outputs, [at('own.exr')]);
    await guard.write(at('alias/../own.exr'), 'denoised');
    expect(await readFile(at('own.exr'), 'utf8')).toBe('denoised');
  });

  it('without what a killed process has left beside them', async () => {
    const child = spawn(process.execPath, ['-e', '']);
    await once(child, 'exit');
    await withPartialFile(at('out.exr'), (partial) =>
      writeFile(partial.replace(`-${process.pid}.`, `-${child.pid}.`), 'half'),
    );
    const partials = async () => (await readdir(folder)).filter((name) => name.endsWith('.partial'));
    expect(await partials()).toHaveLength(1);
    await OverwriteGuard.check([{ path: at('alias/../out.exr'), parameter: '--output' }], []);
    expect(await partials()).toEqual([]);
  });

  it('devices, however often they are named', async () => {
    const outputs = ['--output', '--report'].map((parameter) => ({ path: '/dev/null', parameter }));
    const guard = await OverwriteGuard.check(outputs, ['/dev/null']);
    await guard.write('/dev/null', 'anything');
  });
});

describe('--no-overwrite', () => {
  it.each<[string, string, readonly string[]]>([
    ['denoise', 'kept.exr', ['denoise', 'in/a.exr', '-o', 'kept.exr']],
    ['sample-map', 'kept.exr', ['sample-map', 'in/a.exr', '--spp', '4', '--budget', '8', '-o', 'kept.exr']],
    ['filter', 'kept.exr', ['filter', 'in/a.exr', '--with', 'nlm', '-o', 'kept.exr']],
    ['explain', 'kept.png', ['explain', 'in/a.exr', '--pixel', '0,0', '-o', 'kept.png']],
    ['sequence', 'kept.1.exr', ['sequence', 'in/s.#.exr', '-o', 'kept.#.exr', '--frames', '1-2']],
    ['a report', 'kept.json', ['denoise', 'in/a.exr', '-o', 'none.exr', '--report', 'kept.json']],
  ])('%s keeps what exists', async (_, name, args) => {
    await writeFile(at(name), 'precious');
    const { code, stderr } = await quietframe([...args, '--no-overwrite']);
    expect(stderr).toContain(
      `${name} exists and cannot be replaced with --no-overwrite: remove it or choose another --`,
    );
    expect(code).not.toBe(0);
    expect(await readFile(at(name), 'utf8')).toBe('precious');
    await rm(at(name));
    expect(await readdir(folder)).not.toContain('none.exr');
  });

  it('keeps files that appear meanwhile, and writes new ones', async () => {
    const outputs = ['one', 'two'].map((name) => ({ path: at(name), parameter: '--output' }));
    const guard = await OverwriteGuard.check(outputs, []);
    await guard.keepExisting();
    await writeFile(at('one'), 'precious');
    await expect(guard.write(at('one'), 'result')).rejects.toThrow('one exists and cannot be replaced');
    await guard.write(at('two'), 'result');
    expect(await readFile(at('two'), 'utf8')).toBe('result');
  });
});
