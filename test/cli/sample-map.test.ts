import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readExr } from '../../src/exr/read-exr.js';
import { exrFile } from '../support/exr-files.js';

const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));
let folder: string;

/** Runs the built command line in the folder. */
function sampleMap(args: readonly string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      [MAIN, 'sample-map', ...args],
      { cwd: folder },
      (_, stdout, stderr) => {
        resolve({ code: child.exitCode ?? -1, stdout, stderr });
      },
    );
  });
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'quietframe-sample-map-'));
  const window = { xMin: 3, yMin: -2, xMax: 39, yMax: 26 };
  const file = (phase: number): Uint8Array =>
    exrFile(
      [{ window, layers: ['RGB'] }],
      (channel, i) => 0.3 + 0.2 * Math.sin(i * i * phase + channel.length),
    );
  await writeFile(join(folder, 'a.exr'), file(1));
  await writeFile(join(folder, 'b.exr'), file(2));
});
afterAll(() => rm(folder, { recursive: true }));

describe('quietframe sample-map', () => {
  it('writes maps whose samples add up to the budget', async () => {
    const args = [
      'a.exr',
      '--half-b',
      'b.exr',
      '--budget',
      '4.7',
      '-o',
      'map.exr',
      '--report',
      'report.json',
    ];
    const { code, stdout } = await sampleMap([...args, '--max', '40', '--model', 'kpcn@2']);
    expect(code).toBe(0);
    const [part] = readExr(await readFile(join(folder, 'map.exr'))).parts;
    expect(part?.dataWindow).toEqual({ xMin: 3, yMin: -2, xMax: 39, yMax: 26 });
    expect([...(part?.planes.keys() ?? [])]).toEqual([
      ...['error.DSSIM', 'error.SMAPE', 'samples.density', 'samples.spp'],
    ]);
    const samples = [...(part?.planes.get('samples.spp')?.data ?? [])];
    const total = Math.round(4.7 * 37 * 29);
    expect(samples.reduce((sum, count) => sum + count, 0)).toBe(total);
    expect(Math.max(...samples)).toBeLessThanOrEqual(40);
    expect(stdout).toContain(`${total} samples`);
    const report = JSON.parse(await readFile(join(folder, 'report.json'), 'utf8'));
    expect(report.samples.total).toBe(total);
    expect(report.predictedError.smape).toBeGreaterThan(0);
  });

  it('tells what a target takes', async () => {
    const args = ['a.exr', '--target-smape', '0.9', '-o', 'reached.exr', '--model', 'kpcn@2'];
    const { code, stdout } = await sampleMap(args);
    expect(code).toBe(0);
    expect(stdout).toContain('SMAPE 0.9 is reached');
    expect(stdout).toContain('; 0 samples');
  });

  it.each([
    ['no budget', [], 'for budget'],
    ['a budget of nothing', ['--budget', '0'], 'for --budget'],
    ['a budget below 0', ['--budget', '-3'], '--budget'],
    ['a budget that is no number', ['--budget', 'much'], 'received "much"'],
    ['a budget below the minimum', ['--budget', '2', '--min', '4'], 'for budget'],
    ['a target out of range', ['--target-smape', '1'], 'for --target-smape'],
    ['an unknown metric', ['--budget', '2', '--metric', 'psnr'], 'psnr'],
    ['tiles of nothing', ['--budget', '2', '--tile', '0'], 'for --tile'],
  ])('refuses %s', async (_, args, message) => {
    const { code, stderr } = await sampleMap(['a.exr', '-o', 'no.exr', ...args]);
    expect(code).toBe(2);
    expect(stderr).toContain(message);
    expect(stderr.trim().split('\n')).toHaveLength(1);
  });

  it('names a file that does not fit', async () => {
    await writeFile(
      join(folder, 'small.exr'),
      exrFile([{ layers: ['RGB'] }], () => 1),
    );
    const { code, stderr } = await sampleMap([
      'a.exr',
      '--half-b',
      'small.exr',
      '--budget',
      '2',
      '-o',
      'no.exr',
    ]);
    expect(code).toBe(1);
    expect(stderr).toContain('small.exr: Expected the data window');
  });
});
