import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { Denoiser } from '../../../src/denoise/denoiser.js';
import type { DenoiseRequest, WindowFrame } from '../../../src/denoise/types.js';
import type { Frame } from '../../../src/frame/frame.js';
import { copyPadded, downsample } from '../../../src/image/pyramid.js';
import { type Raster, raster } from '../../../src/image/raster.js';
import { frameOf, noise, TINY_MODELS } from '../support.js';

const SHIPPED = fileURLToPath(new URL('../../../models', import.meta.url));
const [WIDTH, HEIGHT] = [46, 37];
const LEVELS = 3;
const NOTHING = raster(0, 0, 3);
/** Corners, borders and the inside. */
const PIXELS = [
  { x: 0, y: 0 },
  { x: WIDTH - 1, y: HEIGHT - 1 },
  { x: 20, y: 1 },
  { x: 21, y: 18 },
];
const ALL = { levels: true, blendWeights: true, windowShares: true, gate: true, pixels: PIXELS };

/** Without a measured variance, which would dim fireflies and blend the input back. */
function plain(seed = 0): Frame {
  const { albedoVariance: _, normalVariance: __, ...frame } = frameOf(WIDTH, HEIGHT, seed);
  return { ...frame, varianceOrigin: 'estimated' };
}

/** As the network sees a layer: padded, and every coarser level. */
function pyramid(layer: Raster): Raster[] {
  const [width, height] = [WIDTH, HEIGHT].map((side) => Math.ceil(side / 2 ** LEVELS) * 2 ** LEVELS) as [
    number,
    number,
  ];
  const levels = [raster(width, height, layer.channels)];
  copyPadded(layer, levels[0] as Raster);
  for (let l = 1; l < LEVELS; l++) {
    const coarse = raster(width / 2 ** l, height / 2 ** l, layer.channels);
    downsample(levels[l - 1] as Raster, coarse, 0, coarse.height);
    levels.push(coarse);
  }
  return levels;
}

/** Weighted sums of the taps around a pixel, the border repeated. */
function applied(weights: Float32Array, size: number, image: Raster, x: number, y: number): number[] {
  const radius = size >> 1;
  const sums = [0, 0, 0];
  for (const [tap, weight] of weights.entries()) {
    const u = Math.min(Math.max(x + (tap % size) - radius, 0), image.width - 1);
    const v = Math.min(Math.max(y + Math.floor(tap / size) - radius, 0), image.height - 1);
    for (let c = 0; c < 3; c++) {
      sums[c] =
        (sums[c] as number) + weight * (image.data[(c * image.height + v) * image.width + u] as number);
    }
  }
  return sums;
}

function expectColor(received: readonly number[], wanted: readonly number[], what: string): void {
  for (const [c, value] of wanted.entries()) {
    const error = Math.abs((received[c] as number) - value) / Math.max(Math.abs(value), 1);
    expect(error, `${what}, channel ${c}: ${received[c]} instead of ${value}`).toBeLessThan(1e-5);
  }
}

const pixelAt = ({ width, height, data }: Raster, x: number, y: number): number[] =>
  Array.from({ length: 3 }, (_, c) => data[(c * height + y) * width + x] as number);

const denoisers = {
  tiny: await Denoiser.load({ modelsDirectory: TINY_MODELS, threads: 2 }),
  shipped: await Denoiser.load({ modelsDirectory: SHIPPED, threads: 2 }),
};
afterAll(() => Promise.all(Object.values(denoisers).map((denoiser) => denoiser.close())));

describe.each(Object.entries(denoisers))('debug outputs of the %s model', (name, denoiser) => {
  const request: DenoiseRequest = { prefilter: 'off' };

  it.each([1, 4])('has kernels that make the denoised levels again at lambda %d', async (lambda) => {
    const frame = plain();
    const { debug } = await denoiser.denoise(frame, { ...request, lambda, debug: ALL });
    const light = pyramid(frame.color);
    for (const { x, y, levels } of debug?.pixels ?? []) {
      expect(levels).toHaveLength(LEVELS);
      for (const [l, { kernel, denoised, ...place }] of levels.entries()) {
        expect(place).toMatchObject({ x: x >> l, y: y >> l });
        expect(kernel.weights.reduce((sum, weight) => sum + weight, 0)).toBeCloseTo(1, 5);
        const filtered = applied(kernel.weights, kernel.size, light[l] as Raster, place.x, place.y);
        expectColor(
          filtered.map((value, c) => value * (kernel.gain[c] as number)),
          denoised,
          `pixel ${x},${y} of level ${l}`,
        );
      }
    }
    expect(debug?.pixels).toHaveLength(PIXELS.length);
  });

  it('gives the texture of the albedo back as far as the gate says', async () => {
    const frame = plain();
    const { debug } = await denoiser.denoise(frame, { ...request, debug: ALL });
    const albedos = pyramid(frame.albedo as Raster);
    for (const { x, y, levels } of debug?.pixels ?? []) {
      for (const [l, { kernel, ...place }] of levels.entries()) {
        const albedo = albedos[l] as Raster;
        const filtered = applied(kernel.weights, kernel.size, albedo, place.x, place.y);
        const gain = pixelAt(albedo, place.x, place.y).map((value, c) => {
          const ratio = (value + 0.01) / ((filtered[c] as number) + 0.01);
          return 1 + kernel.gate * (Math.min(Math.max(ratio, 1 / 8), 8) - 1);
        });
        expectColor(kernel.gain, gain, `gain at ${x},${y} of level ${l}`);
        expect(debug?.gate?.[l]?.data[y * WIDTH + x]).toBeCloseTo(kernel.gate, 5);
      }
    }
  });

  it('composites the levels with the blend weights to the very colour of the result', async () => {
    const { color, debug } = await denoiser.denoise(plain(), { ...request, debug: ALL });
    expect(debug?.levels).toHaveLength(LEVELS);
    expect(debug?.blendWeights).toHaveLength(LEVELS - 1);
    const [fine = NOTHING, middle = NOTHING, coarse = NOTHING] = debug?.levels ?? [];
    const [fineWeight = NOTHING, middleWeight = NOTHING] = debug?.blendWeights ?? [];
    /** Equation 5 with levels in the size of the frame, away from its padding. */
    const composite = (finer: Raster, coarser: Raster, weights: Raster, cell: number): Raster => {
      const result = raster(WIDTH, HEIGHT, 3);
      for (let c = 0; c < 3; c++) {
        for (let y = 0; y < 32; y++) {
          for (let x = 0; x < 40; x++) {
            const [left, top] = [x - (x % (2 * cell)), y - (y % (2 * cell))];
            const at = (u: number, v: number): number => (c * HEIGHT + v) * WIDTH + u;
            const mean =
              [at(left, top), at(left + cell, top), at(left, top + cell), at(left + cell, top + cell)].reduce(
                (sum, i) => sum + (finer.data[i] as number),
                0,
              ) / 4;
            const weight = weights.data[y * WIDTH + x] as number;
            const i = at(x, y);
            result.data[i] = (finer.data[i] as number) + weight * ((coarser.data[i] as number) - mean);
          }
        }
      }
      return result;
    };
    const whole = composite(fine, composite(middle, coarse, middleWeight, 2), fineWeight, 1);
    for (const [x, y] of [
      [0, 0],
      [39, 31],
      [12, 5],
      [21, 18],
    ] as const) {
      expectColor(pixelAt(whole, x, y), pixelAt(color, x, y), `pixel ${x},${y}`);
    }
    for (const { x, y, levels, color: explained, denoisedWeight } of debug?.pixels ?? []) {
      expect(denoisedWeight).toBe(1);
      expect(explained).toEqual(pixelAt(color, x, y));
      expect(levels.map(({ blendWeight }) => blendWeight)).toEqual([
        fineWeight.data[y * WIDTH + x],
        middleWeight.data[y * WIDTH + x],
        undefined,
      ]);
    }
  });

  it.each([1, 3])('has kernels and shares that fuse a window again at lambda %d', async (lambda) => {
    const motion = (x: number, y: number): Raster => {
      const map = noise(WIDTH, HEIGHT, 2, 0.4);
      for (let i = 0; i < map.data.length; i++) {
        map.data[i] = (map.data[i] as number) + (i < map.data.length / 2 ? x : y);
      }
      return map;
    };
    const frames: WindowFrame[] = [-2, 1].map((offset, i) => ({
      ...{ offset, frame: plain(i + 1), motion: motion(offset, i - 0.3) },
    }));
    const frame = plain();
    const both = { ...request, lambda, neighbors: frames, debug: ALL };
    const { debug, report } = await denoiser.denoise(frame, both);
    expect(report.windowUsed).toBe(3);
    expect(debug?.offsets).toEqual([0, -2, 1]);
    // The frames' own results are what a frame alone is denoised to, level by level, at lambda 1.
    const own = await Promise.all(
      frames.map((other) => denoiser.denoise(other.frame, { ...request, debug: { levels: true } })),
    );
    const light = pyramid(frame.color);
    for (const { x, y, levels } of debug?.pixels ?? []) {
      for (const [l, { kernel, fusion, denoised, ...place }] of levels.entries()) {
        const what = `pixel ${x},${y} of level ${l}`;
        expect(fusion?.frames).toHaveLength(2);
        if (fusion === undefined) continue;
        const shares = [fusion.share, ...fusion.frames.map(({ share }) => share)];
        expect(shares.reduce((a, b) => a + b)).toBeCloseTo(1, 5);
        for (const [c, share] of shares.entries()) {
          expect(debug?.windowShares?.[l]?.data[c * WIDTH * HEIGHT + y * WIDTH + x]).toBeCloseTo(share, 5);
        }
        const centre = applied(kernel.weights, kernel.size, light[l] as Raster, place.x, place.y).map(
          (value, c) => fusion.share * value * (kernel.gain[c] as number),
        );
        const fused = fusion.frames.reduce((sums, { place: at, weights, size }, i) => {
          if (at === undefined) return sums;
          const levelOf = shrunk(own[i]?.debug?.levels?.[l] as Raster, l);
          return sums.map((sum, c) => sum + (applied(weights, size, levelOf, at.x, at.y)[c] as number));
        }, centre);
        // The level in the size of the frame lacks the padding: beside it taps are others.
        if (x + 2 ** (l + 3) > WIDTH || y + 2 ** (l + 3) > HEIGHT) continue;
        expectColor(
          fused.map((value, c) => fusion.bound * value * (fusion.gain[c] as number)),
          denoised,
          what,
        );
      }
    }
  });

  if (name === 'tiny') {
    it('says how much of the noisy colour comes back where variances were measured', async () => {
      const frame = frameOf(WIDTH, HEIGHT);
      const quiet = { ...frame, colorVariance: noise(WIDTH, HEIGHT, 1, 1e-3) };
      const { color, debug } = await denoiser.denoise(quiet, { ...request, debug: { pixels: PIXELS } });
      const pixels = debug?.pixels ?? [];
      expect(Math.min(...pixels.map(({ denoisedWeight }) => denoisedWeight))).toBeLessThan(0.9);
      for (const { x, y, color: composited, denoisedWeight } of pixels) {
        const noisy = pixelAt(frame.color, x, y);
        expectColor(
          composited.map((value, c) => denoisedWeight * value + (1 - denoisedWeight) * (noisy[c] as number)),
          pixelAt(color, x, y),
          `pixel ${x},${y}`,
        );
      }
      expect(debug?.levels).toBeUndefined();
    });

    it('changes nothing of the result, and is in the units of very dark light', async () => {
      const frame = plain();
      const [alone, both] = [
        await denoiser.denoise(frame, request),
        await denoiser.denoise(frame, { ...request, debug: ALL }),
      ];
      const most = alone.color.data.reduce(
        (max, value, i) => Math.max(max, Math.abs(value - (both.color.data[i] as number))),
        0,
      );
      expect(most).toBeLessThan(1e-5);
      expect(alone.debug).toBeUndefined();
      const scale = 2 ** 90;
      const color = raster(
        WIDTH,
        HEIGHT,
        3,
        frame.color.data.map((value) => value * scale),
      );
      const bright = await denoiser.denoise({ ...frame, color }, { ...request, debug: ALL });
      const [level, wanted] = [bright.debug?.levels?.[0], bright.color];
      expect(level?.data[100]).toBeGreaterThan(scale / 100);
      const [first] = bright.debug?.pixels ?? [];
      if (first === undefined) throw new Error('No pixel');
      expectColor(
        first.color.map((value) => value / scale),
        pixelAt(wanted, first.x, first.y).map((value) => value / scale),
        'bright',
      );
    });

    it.each([
      ['too many pixels', Array.from({ length: 65 }, () => ({ x: 0, y: 0 })), '1 to 64 pixels'],
      ['no pixels', [], '1 to 64 pixels'],
      ['a pixel outside', [{ x: WIDTH, y: 0 }], `pixels within ${WIDTH} x ${HEIGHT}`],
      ['half a pixel', [{ x: 0.5, y: 0 }], `pixels within ${WIDTH} x ${HEIGHT}`],
    ])('refuses %s', async (_, pixels, range) => {
      await expect(denoiser.denoise(plain(), { debug: { pixels } })).rejects.toMatchObject({
        code: 'invalid-argument',
        message: expect.stringContaining(range),
      });
    });
  } else {
    it('refuses models of filters', async () => {
      const preview = { model: 'pkn', debug: { levels: true } };
      await expect(denoiser.denoise(plain(), preview)).rejects.toMatchObject({ code: 'not-implemented' });
    });
  }
});

/** A level again from what is repeated in the size of the frame. */
function shrunk(large: Raster, level: number): Raster {
  const [width, height] = [Math.ceil(large.width / 2 ** level), Math.ceil(large.height / 2 ** level)];
  const small = raster(width, height, 3);
  for (let c = 0; c < 3; c++) {
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        const from = (c * large.height + y * 2 ** level) * large.width + x * 2 ** level;
        small.data[(c * height + y) * width + x] = large.data[from] as number;
      }
    }
  }
  return small;
}
