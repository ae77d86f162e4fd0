import { afterAll, describe, expect, it } from 'vitest';
import { Denoiser } from '../../src/denoise/denoiser.js';
import { ExrPool } from '../../src/exr/pool.js';
import { readExr } from '../../src/exr/read-exr.js';
import { denoiseExr } from '../../src/files/denoise-file/denoise-exr.js';
import type { Output } from '../../src/files/denoise-file/maps.js';
import type { DenoiseExrRequest } from '../../src/files/denoise-file/types.js';
import { TINY_MODELS } from '../denoise/support.js';
import { exrFile } from '../support/exr-files.js';
import { scatter } from '../support/random.js';

const pool = new ExrPool({ workers: 1 });
const denoiser = await Denoiser.load({ modelsDirectory: TINY_MODELS, threads: 1 });
afterAll(() => Promise.all([pool.close(), denoiser.close()]));

const [WIDTH, HEIGHT] = [48, 24];
const LEVELS = [0, 1, 2];

function render(seed: number, layers: readonly string[] = ['RGB', 'albedo.RGB', 'normal.XYZ']): Uint8Array {
  const window = { xMin: -5, yMin: 7, xMax: WIDTH - 6, yMax: HEIGHT + 6 };
  return exrFile([{ window, layers }], (channel, i) => {
    const letter = channel.charCodeAt(channel.length - 1);
    return 0.4 + 0.4 * (scatter((i + seed) * 12.9898 + letter * 78.233) - 0.5);
  });
}

const frame = render(1);

async function run(outputs: readonly Output[], request: Partial<DenoiseExrRequest> = {}) {
  const { maps, ...others } = request;
  const { exr, report } = await denoiseExr(
    { exr: frame, maps: { outputs, ...maps }, ...others },
    { pool, denoiser },
  );
  const planes = readExr(exr).parts[0]?.planes;
  const names = [...(planes?.keys() ?? [])].filter((name) => name.startsWith('quietframe.'));
  return { exr, report, names, at: (name: string) => Float32Array.from(planes?.get(name)?.data ?? []) };
}

const pixels = [
  { x: 0, y: 0 },
  { x: WIDTH - 1, y: 11 },
];

describe('debug outputs of a file', () => {
  it('are channels of all levels beside the color that is denoised without them, too', async () => {
    const [alone, all] = [
      await run(['color']),
      await run(['color', 'levels', 'blend-weights', 'window-shares', 'gate']),
    ];
    expect(all.names).toEqual(
      [
        ...LEVELS.flatMap((l) => [...'RGB'].map((letter) => `quietframe.level${l}.${letter}`)),
        ...[0, 1].map((l) => `quietframe.blendWeight.level${l}`),
        ...LEVELS.map((l) => `quietframe.windowShare.level${l}.center`),
        ...LEVELS.map((l) => `quietframe.gate.level${l}`),
      ].sort(),
    );
    expect(all.at('G')).toEqual(alone.at('G'));
    expect(all.report.kernels).toBeUndefined();
    // A pixel of the coarsest level is one of 4 x 4.
    const coarsest = all.at('quietframe.level2.G');
    expect(new Set([0, 1, 3 * WIDTH + 3].map((i) => coarsest[i])).size).toBe(1);
    expect(coarsest[4]).not.toBe(coarsest[3]);
    for (const l of [0, 1]) {
      const weights = all.at(`quietframe.blendWeight.level${l}`);
      expect(weights.every((weight) => weight >= 0 && weight <= 1)).toBe(true);
    }
    expect(all.at('quietframe.windowShare.level1.center').every((share) => share === 1)).toBe(true);
  });

  it('name the frames of a window, whose shares add up to 1', async () => {
    const neighbors = [-1, 2].map((offset) => ({ exr: render(offset + 5), offset }));
    const { names, at, report } = await run(['window-shares', 'kernels'], { neighbors, maps: { pixels } });
    const frames = ['center', 'before1', 'after2'];
    expect(names).toEqual(
      LEVELS.flatMap((l) => frames.map((name) => `quietframe.windowShare.level${l}.${name}`)).sort(),
    );
    const shares = frames.map((name) => at(`quietframe.windowShare.level0.${name}`));
    const sums = shares[0]?.map((share, i) => share + (shares[1]?.[i] ?? 0) + (shares[2]?.[i] ?? 0));
    for (const sum of sums ?? []) expect(sum).toBeCloseTo(1, 5);
    const [first] = report.kernels ?? [];
    const fusion = first?.levels[0]?.fusion;
    expect(fusion?.frames.map(({ offset }) => offset)).toEqual([-1, 2]);
    expect(fusion?.share).toBeCloseTo(shares[0]?.[0] ?? 0, 5);
    expect(fusion?.frames[1]?.share).toBeCloseTo(shares[2]?.[0] ?? 0, 5);
  });

  it('are kernels in the report, as plain numbers', async () => {
    const { report, names, exr } = await run(['kernels'], { maps: { pixels } });
    expect(names).toEqual([]);
    expect(readExr(exr).parts[0]?.planes.get('R')).toEqual(readExr(frame).parts[0]?.planes.get('R'));
    const kernels = JSON.parse(JSON.stringify(report.kernels)) as NonNullable<typeof report.kernels>;
    expect(kernels.map(({ x, y }) => ({ x, y }))).toEqual(pixels);
    for (const { levels, color } of kernels) {
      expect(color).toHaveLength(3);
      expect(levels.map(({ kernel }) => kernel.weights.length)).toEqual(
        levels.map(({ kernel }) => kernel.size ** 2),
      );
      for (const { kernel } of levels)
        expect(kernel.weights.reduce((sum, weight) => sum + weight)).toBeCloseTo(1, 5);
    }
    expect(kernels[1]?.levels.map(({ x, y }) => [x, y])).toEqual([
      [47, 11],
      [23, 5],
      [11, 2],
    ]);
  });

  it('are of the file where its borders are joined', async () => {
    const outputs = ['color', 'levels', 'gate', 'kernels'] as const;
    const { report, at } = await run(outputs, { wrap: 'x', maps: { pixels } });
    expect(report.wrap).toBe('x');
    expect(at('quietframe.level0.R')).toHaveLength(WIDTH * HEIGHT);
    for (const [i, { x, y }] of pixels.entries()) {
      const [finest, middle] = report.kernels?.[i]?.levels ?? [];
      expect([finest?.x, finest?.y, middle?.x]).toEqual([x, y, x >> 1]);
      expect(finest?.denoised[0]).toBeCloseTo(at('quietframe.level0.R')[y * WIDTH + x] ?? 0, 5);
      expect(finest?.kernel.gate).toBeCloseTo(at('quietframe.gate.level0')[y * WIDTH + x] ?? 0, 5);
    }
  });

  it.each([
    ['components=split', ['levels'], { components: 'split' }, 'outputs'],
    ['a magnified file', ['levels'], { finish: { upscale: 2 } }, 'outputs'],
    ['a deblurred file', ['gate'], { finish: { deblur: 1 } }, 'outputs'],
    ['a region', ['levels'], { region: { x: 0, y: 0, width: 4, height: 4 } }, 'region'],
    ['kernels without pixels', ['kernels'], {}, 'pixels'],
    ['pixels without kernels', ['levels'], { maps: { pixels } }, 'pixels'],
    ['a pixel outside', ['kernels'], { maps: { pixels: [{ x: WIDTH, y: 0 }] } }, 'pixels'],
  ] as const)('are refused with %s', async (_, outputs, request, parameter) => {
    await expect(run(outputs, request)).rejects.toMatchObject({
      code: 'invalid-argument',
      details: { parameter },
    });
  });

  it('have no gate without an albedo', async () => {
    const bare = { exr: render(1, ['RGB']) };
    await expect(run(['gate'], bare)).rejects.toMatchObject({ code: 'missing-layer' });
    const { report } = await run(['kernels', 'levels'], { ...bare, maps: { pixels } });
    expect(report.kernels?.[0]?.levels[0]?.kernel).toMatchObject({ gate: 0, gain: [1, 1, 1] });
  });
});
