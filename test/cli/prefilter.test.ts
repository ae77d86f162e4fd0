import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readExr } from '../../src/exr/read-exr.js';
import { prefilteredModels } from '../kpcn/prefilter-support.js';
import { blenderParts, exrFile } from '../support/exr-files.js';

const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));
const models = prefilteredModels();
let folder: string;

function quietframe(...args: readonly string[]) {
  return new Promise<{ code: number; stdout: string; stderr: string }>((resolve) => {
    const env = { ...process.env, QUIETFRAME_MODELS: models, QUIETFRAME_THREADS: '1' };
    const child = execFile(process.execPath, [MAIN, ...args], { cwd: folder, env }, (_, stdout, stderr) =>
      resolve({ code: child.exitCode ?? -1, stdout, stderr }),
    );
  });
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'quietframe-cli-prefilter-'));
  const parts = blenderParts('V', ['Combined.RGBA', 'Denoising Albedo.RGB', 'Denoising Normal.XYZ']);
  const file = exrFile(parts, (channel, i) => (channel.endsWith('A') ? 1 : 0.5 + 0.3 * Math.sin(i * i * 7)));
  await writeFile(join(folder, 'shot.0001.exr'), file);
});
afterAll(() => rm(folder, { recursive: true }));

describe('--prefilter', () => {
  it('chooses whether noise is taken out of the auxiliaries, which are an output', async () => {
    const args = ['denoise', 'shot.0001.exr', '-o', 'out.exr', '--report', '-'];
    const on = await quietframe(...args, '--prefilter', 'on', '--outputs', 'color,auxiliaries');
    expect([on.code, JSON.parse(on.stdout).prefilter]).toEqual([0, 'on']);
    const names = readExr(await readFile(join(folder, 'out.exr'))).parts.flatMap(({ planes }) => [
      ...planes.keys(),
    ]);
    expect(names.filter((name) => name.startsWith('quietframe.'))).toEqual([
      ...['quietframe.albedo.B', 'quietframe.albedo.G', 'quietframe.albedo.R'],
      ...['quietframe.normal.X', 'quietframe.normal.Y', 'quietframe.normal.Z'],
    ]);
    const off = await quietframe(...args, '--prefilter', 'off');
    expect(JSON.parse(off.stdout).prefilter).toBe('off');
    const wrong = await quietframe(...args, '--prefilter', 'maybe');
    expect([wrong.code, wrong.stderr]).toEqual([2, expect.stringContaining('one of auto, on, off')]);
  });

  it('of a shot counts when it is resumed', async () => {
    const run = async (...more: string[]): Promise<string> => {
      const args = ['sequence', 'shot.####.exr', '-o', 'clean.####.exr', '--window', '1'];
      return (await quietframe(...args, ...more)).stdout.trim().split('\n').at(-1) ?? '';
    };
    expect(await run()).toContain('1 denoised, 0 already done');
    expect(await run('--prefilter', 'auto')).toContain('0 denoised, 1 already done');
    expect(await run('--prefilter', 'off')).toContain('1 denoised, 0 already done');
    expect(await run('--prefilter', 'off')).toContain('0 denoised, 1 already done');
  });
});
