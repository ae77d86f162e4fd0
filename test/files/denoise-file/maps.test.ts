import { afterAll, describe, expect, it } from 'vitest';
import type { DenoiseRequest, DenoiseResult } from '../../../src/denoise/types.js';
import { attributeText } from '../../../src/exr/attribute.js';
import { ExrPool } from '../../../src/exr/pool.js';
import { readExr } from '../../../src/exr/read-exr.js';
import { denoiseExr } from '../../../src/files/denoise-file/denoise-exr.js';
import type { MapsRequest } from '../../../src/files/denoise-file/maps.js';
import type { DenoisedExr, DenoiseExrRequest } from '../../../src/files/denoise-file/types.js';
import type { Frame } from '../../../src/frame/frame.js';
import { raster } from '../../../src/image/raster.js';
import { exrFile } from '../../support/exr-files.js';
import { StubDenoiser } from '../../support/stub-denoiser.js';

const pool = new ExrPool();
afterAll(() => pool.close());

/** Predicts errors that grow from left to right, 0.1 a column, and finds a firefly, but for the model of filters. */
class MapsDenoiser extends StubDenoiser {
  constructor() {
    super((value) => value / 2);
  }

  override async denoise(frame: Frame, request: DenoiseRequest = {}): Promise<DenoiseResult> {
    const { report, ...result } = await super.denoise(frame, request);
    const { errors = false, model } = request;
    const { width, height } = frame;
    const smape = Array.from({ length: width * height }, (_, i) => 0.1 * (i % width));
    const mapOf = (values: readonly number[]) => raster(width, height, 1, Float32Array.from(values));
    const prediction = {
      errors: { smape: mapOf(smape), dssim: mapOf(smape.map((value) => value / 2)) },
      relativeVariance: mapOf(smape.map(() => 0.25)),
    };
    const predictedError = { smape: 0.15, dssim: 0.075, decay: 0.5, lambda: 1 as const };
    return {
      ...result,
      ...(errors && prediction),
      ...(model !== 'filters' && { fireflies: [5] }),
      report: { ...report, encoder: 'color', ...(errors && { predictedError }) },
    };
  }
}

const frame = exrFile(
  [{ window: { xMin: 0, yMin: 0, xMax: 3, yMax: 2 }, layers: ['RGB'] }],
  (_, i) => 0.25 + 0.01 * i,
);

function run(maps: MapsRequest, mapsOnly = false, exr = frame): Promise<DenoisedExr> {
  return denoiseExr({ exr, maps, mapsOnly }, { pool, denoiser: new MapsDenoiser() });
}

const names = (exr: Uint8Array): string[] => [...(readExr(exr).parts[0]?.planes.keys() ?? [])];
const planeOf = (exr: Uint8Array, name: string): number[] => [
  ...(readExr(exr).parts[0]?.planes.get(name)?.data ?? []),
];
const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

const MAPS = ['error.DSSIM', 'error.SMAPE', 'samples.density', 'samples.spp'];

describe('maps of a frame', () => {
  it('are added to the denoised file', async () => {
    const { exr, report } = await run({ outputs: ['color', 'error', 'samples'], budgetSpp: 5.3 });
    expect(names(exr)).toEqual(['B', 'G', 'R', ...MAPS]);
    expect(planeOf(exr, 'R')).not.toEqual(planeOf(frame, 'R'));
    expect(planeOf(exr, 'error.SMAPE').slice(0, 4)).toEqual(
      [0, 0.1, 0.2, 0.3].map((value) => expect.closeTo(value, 6)),
    );
    expect(sum(planeOf(exr, 'samples.spp'))).toBe(64);
    expect(sum(planeOf(exr, 'samples.density')) / 12).toBeCloseTo(1, 5);
    expect(report.samples).toMatchObject({ metric: 'smape', budgetSpp: 5.3, total: 64 });
    expect(report.predictedError?.smape).toBe(0.15);
  });

  it('are all of a file where nothing else is wanted', async () => {
    const { exr } = await run({ outputs: ['error', 'samples'], budgetSpp: 2 }, true);
    const [part] = readExr(exr).parts;
    expect(names(exr)).toEqual(MAPS);
    expect(part?.planes.get('samples.spp')?.type).toBe('uint');
    expect(part?.planes.get('error.SMAPE')?.type).toBe('float');
    expect(attributeText(part?.attributes.get('quietframe:model'))).toBe('stub');
  });

  it('leave the colour alone where it is not an output', async () => {
    const { exr } = await run({ outputs: ['error'] });
    expect(names(exr)).toEqual(['B', 'G', 'R', 'error.DSSIM', 'error.SMAPE']);
    expect(planeOf(exr, 'R')).toEqual(planeOf(frame, 'R'));
  });

  it('take the place of those of an earlier run', async () => {
    const first = await run({ outputs: ['color', 'samples'], budgetSpp: 2 });
    const second = await run({ outputs: ['color', 'samples'], budgetSpp: 3 }, false, first.exr);
    expect(names(second.exr)).toEqual(names(first.exr));
    expect(sum(planeOf(second.exr, 'samples.spp'))).toBe(36);
  });

  it('are guided by the variance that the renderer has measured of both halves', async () => {
    const half = (sign: number, impulse?: number): Uint8Array =>
      exrFile(
        [
          {
            window: { xMin: 0, yMin: 0, xMax: 8, yMax: 6 },
            layers: impulse === undefined ? ['RGB'] : ['RGB', 'mse.RGB'],
          },
        ],
        (channel, i) =>
          channel.startsWith('mse') ? Number(i === impulse) : 0.25 + sign * (0.01 + 0.001 * (i % 5)),
      );
    const plan = (impulse?: number): Promise<DenoisedExr> => {
      const halves = [half(1, impulse), half(-1, impulse)] as const;
      const maps = { outputs: ['samples'], budgetSpp: 10 } as const;
      return denoiseExr(
        { exr: halves[0], halves, maps, mapsOnly: true },
        { pool, denoiser: new MapsDenoiser() },
      );
    };
    const [plain, measured] = await Promise.all([plan(), plan(3 * 9 + 4)]);
    expect(plain.report.samples?.varianceOrigin).toBe('half-buffers');
    expect(measured.report.samples?.varianceOrigin).toBe('layer');
    expect(measured.report.varianceOrigin).toBe('half-buffers');
    const [few, many] = [plain, measured].map(({ exr }) => planeOf(exr, 'samples.spp')) as [
      number[],
      number[],
    ];
    expect([sum(few), sum(many)]).toEqual([630, 630]);
    for (const [i, count] of many.entries()) {
      const near = Math.abs((i % 9) - 4) <= 1 && Math.abs(Math.floor(i / 9) - 3) <= 1;
      if (near) expect(count).toBeGreaterThan(5 * (few[i] as number));
      else expect(count).toBeLessThanOrEqual(few[i] as number);
    }
  });

  it('are guided by the error alone, in proportion, where that is the weighting', async () => {
    const { exr, report } = await run({ outputs: ['samples'], budgetSpp: 30, weighting: 'error' }, true);
    // SMAPE is 0, 0.1, 0.2 and 0.3: 360 samples in three rows.
    expect(planeOf(exr, 'samples.spp').slice(0, 4)).toEqual([0, 20, 40, 60]);
    expect(report.samples).toMatchObject({ weighting: 'error', metric: 'smape', total: 360 });
  });

  it('are guided by relative squared errors, which need the brightness of the denoised pixel', async () => {
    const maps = { outputs: ['samples'], budgetSpp: 30, weighting: 'error', metric: 'relative-mse' } as const;
    const { exr } = await run(maps, true);
    const density = planeOf(exr, 'samples.density');
    const noisy = [planeOf(frame, 'R'), planeOf(frame, 'G'), planeOf(frame, 'B')];
    const expected = (i: number): number =>
      noisy.reduce((all, plane) => {
        const d = (plane[i] as number) / 2;
        return all + (0.1 * (i % 4) * (2 * d + 0.01)) ** 2 / (d * d + 0.01);
      }, 0);
    for (let i = 0; i < 12; i++) {
      expect((density[i] as number) / (density[3] as number)).toBeCloseTo(expected(i) / expected(3), 4);
    }
  });

  describe('with limits of every pixel', () => {
    const least = (i: number): number => (i === 0 ? 7 : 1);
    const limited = (channels: readonly string[], limit = least): Uint8Array =>
      exrFile(
        [{ window: { xMin: 0, yMin: 0, xMax: 3, yMax: 2 }, layers: ['RGB', ...channels] }],
        (channel, i) => (channel.startsWith('limit') ? limit(i) : 0.25 + 0.01 * i),
      );

    it('keep them, and the budget', async () => {
      const maps = { outputs: ['samples'], budgetSpp: 5, weighting: 'error' } as const;
      const { exr } = await run({ ...maps, minLayer: 'limit' }, true, limited(['limit.Y']));
      const samples = planeOf(exr, 'samples.spp');
      expect(sum(samples)).toBe(60);
      expect(samples[0]).toBe(7);
      expect(samples[4]).toBe(1);
      const most = await run(
        { ...maps, maxLayer: 'limit.Y' },
        true,
        limited(['limit.Y'], () => 5),
      );
      expect(new Set(planeOf(most.exr, 'samples.spp'))).toEqual(new Set([5]));
    });

    it.each<[string, MapsRequest, (i: number) => number, string]>([
      ['missing-layer', { minLayer: 'nothing' }, least, 'a channel of the frame for min-layer'],
      [
        'invalid-argument',
        { maxLayer: 'limit' },
        (i) => (i === 6 ? 1.5 : 9),
        'for limit at (2, 1) but received 1.5',
      ],
      ['invalid-argument', { maxLayer: 'limit' }, () => Number.NaN, 'for limit at (0, 0)'],
      ['invalid-argument', { minLayer: 'limit' }, () => -1, 'a whole number in [0, 1000000]'],
      ['invalid-argument', { maxLayer: 'limit' }, () => 2, 'Expected 0 to 24 samples'],
      ['invalid-argument', { minLayer: 'limit', maxSpp: 6 }, least, 'at least its minimum of 7'],
    ])('refuse %s %#', async (code, maps, limit, message) => {
      const request = { outputs: ['samples'], budgetSpp: 5, ...maps } as const;
      await expect(run(request, true, limited(['limit.Y'], limit))).rejects.toMatchObject({
        code,
        message: expect.stringContaining(message),
      });
    });
  });

  it('are guided by the metric', async () => {
    const { report } = await run({ outputs: ['samples'], budgetSpp: 2, metric: 'dssim' });
    expect(report.samples?.metric).toBe('dssim');
  });

  it('show fireflies beside the colour', async () => {
    const { exr, report } = await run({ outputs: ['color', 'fireflies'] });
    expect(names(exr)).toEqual(['B', 'G', 'R', 'fireflies.mask']);
    expect(planeOf(exr, 'fireflies.mask')).toEqual([0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
    // The file has one picture and no variances.
    expect(report.warnings.map(({ code }) => code)).toContain('no-fireflies');
    expect(report).not.toHaveProperty('predictedError');
  });

  it('show fireflies without a warning where the variance was measured', async () => {
    const [a, b] = [0.1, 0.2].map((base) =>
      exrFile(
        [{ window: { xMin: 0, yMin: 0, xMax: 3, yMax: 2 }, layers: ['RGB'] }],
        (_, i) => base + 0.01 * i,
      ),
    ) as [Uint8Array, Uint8Array];
    const { exr, report } = await denoiseExr(
      { exr: a, halves: [a, b], maps: { outputs: ['fireflies'] } },
      { pool, denoiser: new MapsDenoiser() },
    );
    expect(names(exr)).toEqual(['B', 'G', 'R', 'fireflies.mask']);
    expect(planeOf(exr, 'R')).toEqual(planeOf(a, 'R'));
    expect(report.warnings.map(({ code }) => code)).not.toContain('no-fireflies');
  });

  it('show no fireflies of models that look for none, and of magnified files', async () => {
    const services = { pool, denoiser: new MapsDenoiser() };
    const maps = { outputs: ['color', 'fireflies'] } as const;
    await expect(denoiseExr({ exr: frame, maps, model: 'filters' }, services)).rejects.toMatchObject({
      code: 'not-implemented',
      message: 'Expected a model of kernels for the model of outputs=fireflies but received "one of filters"',
    });
    await expect(denoiseExr({ exr: frame, maps, finish: { upscale: 2 } }, services)).rejects.toMatchObject({
      code: 'invalid-argument',
      message: expect.stringContaining('no error, samples, fireflies or auxiliaries with upscale'),
    });
  });

  it('say where they are not those of the lambda that is asked for', async () => {
    const codes = async (request: Omit<DenoiseExrRequest, 'exr'>): Promise<string[]> => {
      const services = { pool, denoiser: new MapsDenoiser() };
      const { report } = await denoiseExr({ exr: frame, ...request }, services);
      return report.warnings.map(({ code }) => code);
    };
    const maps = { outputs: ['color', 'error'] } as const;
    expect(await codes({ maps, lambda: 2 })).toContain('lambda-not-predicted');
    expect(await codes({ maps: { targetSmape: 0.1 }, lambda: 2 })).toContain('lambda-not-predicted');
    expect(await codes({ maps, lambda: 1 })).not.toContain('lambda-not-predicted');
    expect(await codes({ lambda: 2 })).not.toContain('lambda-not-predicted');
  });

  it('are not made where nobody asks', async () => {
    const { exr, report } = await run({});
    expect(names(exr)).toEqual(['B', 'G', 'R']);
    expect(report).not.toHaveProperty('predictedError');
  });
});

describe('a quality target', () => {
  it('tells how many samples are left', async () => {
    const { report } = await run({ targetSmape: 0.05, renderedSpp: 16 });
    expect(report.target?.reached).toBe(false);
    // A third of the error at a decay of 1/2: nine times the samples.
    expect(report.target?.additionalSpp).toBeCloseTo(8 * 16, 6);
  });

  it('sets the budget where there is none', async () => {
    const { exr } = await run({ outputs: ['samples'], targetSmape: 0.075, renderedSpp: 4 }, true);
    expect(sum(planeOf(exr, 'samples.spp'))).toBe(12 * 12);
    const done = await run({ outputs: ['samples'], targetSmape: 0.2 }, true);
    expect(sum(planeOf(done.exr, 'samples.spp'))).toBe(0);
    expect(done.report.target).toMatchObject({ reached: true, additionalSpp: 0 });
  });

  it.each<[MapsRequest, string]>([
    [{ outputs: ['samples'] }, 'for budget but received "none"'],
    [{ outputs: ['samples'], budgetSpp: 0 }, 'Expected a number above 0 for budget but received 0'],
    [{ outputs: ['samples'], budgetSpp: 2, minSpp: 3 }, 'between min and max for budget but received 2'],
    [{ outputs: ['samples'], targetSmape: 0.05 }, 'for spp but received "none"'],
    [{ outputs: ['samples'], targetSmape: 1e-4, renderedSpp: 4 }, 'in reach, or a budget, for target-smape'],
    [{ targetSmape: 0 }, 'Expected a number in (0, 1) for target-smape but received 0'],
  ])('refuses %o', async (maps, message) => {
    await expect(run(maps)).rejects.toMatchObject({
      code: 'invalid-argument',
      message: expect.stringContaining(message),
    });
  });
});
