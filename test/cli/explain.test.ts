import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PNG } from 'pngjs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { drawKernels } from '../../src/cli/explain/draw-kernels.js';
import { raster } from '../../src/image/raster.js';
import { TINY_MODELS } from '../denoise/support.js';
import { exrFile } from '../support/exr-files.js';
import { scatter } from '../support/random.js';

const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));
let folder: string;

function quietframe(...args: readonly string[]) {
  return new Promise<{ code: number; stdout: string; stderr: string }>((resolve) => {
    const env = { ...process.env, QUIETFRAME_MODELS: TINY_MODELS, QUIETFRAME_THREADS: '1' };
    const child = execFile(process.execPath, [MAIN, ...args], { cwd: folder, env }, (_, stdout, stderr) =>
      resolve({ code: child.exitCode ?? -1, stdout, stderr }),
    );
  });
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'quietframe-explain-'));
  const window = { xMin: 0, yMin: 0, xMax: 39, yMax: 23 };
  for (const seed of [1, 2, 3]) {
    const file = exrFile([{ window, layers: ['RGB', 'albedo.RGB', 'normal.XYZ'] }], (channel, i) => {
      return 0.4 + 0.4 * (scatter((i + seed) * 12.9898 + channel.charCodeAt(channel.length - 1)) - 0.5);
    });
    await writeFile(join(folder, `shot.${seed}.exr`), file);
  }
});
afterAll(() => rm(folder, { recursive: true }));

describe('quietframe explain', () => {
  it('draws pixels of a frame, and writes their weights', async () => {
    const pixels = ['--pixel', '3,4', '--pixel', '39,23'];
    const drawn = await quietframe('explain', 'shot.1.exr', ...pixels, '-o', 'out.png');
    expect([drawn.code, drawn.stdout]).toEqual([0, 'out.png: kernels of 2 pixels, kpcn@1\n']);
    const { width, height } = PNG.sync.read(await readFile(join(folder, 'out.png')));
    expect(Math.min(width, height)).toBeGreaterThan(200);
    const written = await quietframe('explain', 'shot.1.exr', ...pixels, '-o', '-');
    expect(written.code).toBe(0);
    const kernels = JSON.parse(written.stdout);
    expect(kernels.map(({ x, y }: { x: number; y: number }) => [x, y])).toEqual([
      [3, 4],
      [39, 23],
    ]);
    expect(kernels[0].levels[0].fusion).toBeUndefined();
  });

  it('explains the middle frame of a window, or the one that is named', async () => {
    const frames = ['shot.1.exr', 'shot.2.exr', 'shot.3.exr'];
    const offsets = async (...more: string[]): Promise<number[]> => {
      const { stdout } = await quietframe('explain', ...frames, '--pixel', '9,9', '-o', '-', ...more);
      const [{ levels }] = JSON.parse(stdout);
      return levels[0].fusion.frames.map(({ offset }: { offset: number }) => offset);
    };
    expect(await offsets()).toEqual([-1, 1]);
    expect(await offsets('--center', '0')).toEqual([1, 2]);
  });

  it.each([
    [['--pixel', '40,0', '-o', 'out.png'], 'pixels within 40 x 24'],
    [['--pixel', '4', '-o', 'out.png'], 'x,y of at most 64 pixels'],
    [['--pixel', '4,4', '-o', 'out.exr'], '.png or .json as the suffix'],
    [['--pixel', '4,4', '-o', 'out.png', '--center', '1'], '0 to 0'],
    [['-o', 'out.png'], '--pixel'],
  ])('refuses %j', async (args, message) => {
    const { code, stderr } = await quietframe('explain', 'shot.1.exr', ...args);
    expect([code, stderr]).toEqual([2, expect.stringContaining(message)]);
  });
});

describe('drawKernels', () => {
  it('draws the noisy pixels, the kernel beside them, and a frame around the pixel', () => {
    const noisy = raster(3, 3, 3);
    for (let i = 0; i < 9; i++) noisy.data[i] = i === 4 ? 1 : 0.2;
    const weights = [0, 0, 0, 0, 0.8, 0.2, 0, 0, 0];
    const level = { x: 1, y: 1, denoised: [1, 1, 1], kernel: { size: 3, weights, gate: 0, gain: [1, 1, 1] } };
    const sheet = PNG.sync.read(
      Buffer.from(drawKernels([{ x: 1, y: 1, color: [1, 1, 1], denoisedWeight: 1, levels: [level] }], noisy)),
    );
    // The middles of taps: 12 pixels of margin, three lines of 20, 8 pixels a tap; the kernel begins 12 after the noisy pixels.
    const at = (x: number, y: number): number[] => [
      ...sheet.data.subarray(4 * (y * sheet.width + x)).subarray(0, 3),
    ];
    const [top, left] = [12 + 60 + 4, 12 + 4];
    const [red = 0, green = 1] = at(left + 8, top + 8);
    expect(red).toBeGreaterThan(100);
    expect(green).toBe(0);
    expect(at(left, top)[0]).toBeLessThan(red);
    const kernel = left + 3 * 8 + 12;
    expect(at(kernel + 8, top + 8)).toEqual([255, 255, 255]);
    expect(at(kernel + 16, top + 8)).toEqual([128, 128, 128]);
    expect(at(kernel, top)).toEqual([0, 0, 0]);
    expect(at(kernel + 4, top + 4)).toEqual([255, 160, 0]);
  });
});
