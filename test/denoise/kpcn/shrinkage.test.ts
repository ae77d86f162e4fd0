import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { blendTowardsInput, denoisedWeight, GUARD_RADIUS } from '../../../src/denoise/kpcn/shrinkage.js';
import { type Raster, raster } from '../../../src/image/raster.js';
import { largestDifference } from '../../support/closeness.js';
import { noise } from '../support.js';

const [WIDTH, HEIGHT] = [37, 22];
const WHOLE = { x: 0, y: 0, width: WIDTH, height: HEIGHT };

function filled(channels: number, value: number): Raster {
  return raster(WIDTH, HEIGHT, channels, new Float32Array(WIDTH * HEIGHT * channels).fill(value));
}

/** A denoised 0.5 everywhere, so many standard deviations of noise away from the noisy picture. */
function changed(deviations: number, deviation: number, exposure = 1): number[] {
  const [noisy, denoised] = [filled(3, (0.5 + deviations * deviation) / exposure), filled(3, 0.5 / exposure)];
  const variance = filled(1, (deviation / exposure) ** 2);
  const share = denoisedWeight({ noisy, variance, denoised, exposure }, WHOLE);
  return share === undefined ? [1] : [...new Set(share.data)];
}

describe('The guard of noise', () => {
  it.each([
    [0, 1],
    [1, 1],
    [Math.SQRT2, 1],
    [2, 0.5],
    [4, 0.125],
    // Beyond its own brightness a pixel is an outlier, whose variance counts up to eightfold.
    [100, 0.001],
  ])('takes of a change of %d deviations the share %d', (deviations, expected) => {
    for (const deviation of [1e-4, 0.01, 0.1]) {
      for (const share of changed(deviations, deviation))
        expect(Math.abs(share - expected)).toBeLessThan(1e-3);
    }
  });

  it('does not depend on exposure and the unit of light', () => {
    const [share] = changed(3, 0.02);
    for (const exposure of [1e-3, 50]) expect(changed(3, 0.02, exposure)[0]).toBeCloseTo(share as number, 5);
  });

  it('gives a picture without noise back as it is', () => {
    const [noisy, denoised] = [noise(WIDTH, HEIGHT, 3), noise(WIDTH, HEIGHT, 3, 1, 5)];
    const share = denoisedWeight({ noisy, variance: filled(1, 0), denoised, exposure: 1 }, WHOLE);
    blendTowardsInput(noisy, denoised, share as Raster, WHOLE);
    expect(largestDifference(noisy, denoised)).toBeLessThan(1e-7);
  });

  it('leaves what differs by noise alone', () => {
    const denoised = filled(3, 0.5);
    const noisy = raster(
      WIDTH,
      HEIGHT,
      3,
      denoised.data.map((value, i) => value + (i % 2 ? 0.1 : -0.1)),
    );
    expect(
      denoisedWeight({ noisy, variance: filled(1, 0.01), denoised, exposure: 1 }, WHOLE),
    ).toBeUndefined();
  });

  it('gives detail back where it was lost, and nowhere else', () => {
    const [noisy, denoised] = [filled(3, 0.5), filled(3, 0.5)];
    for (let c = 0; c < 3; c++) noisy.data[(c * HEIGHT + 10) * WIDTH + 8] = 0.8;
    const share = denoisedWeight(
      { noisy, variance: filled(1, 1e-6), denoised, exposure: 1 },
      WHOLE,
    ) as Raster;
    const before = denoised.data.slice();
    blendTowardsInput(noisy, denoised, share, WHOLE);
    expect(denoised.data[10 * WIDTH + 8]).toBeGreaterThan(0.79);
    denoised.data.forEach((value, i) => {
      if (i % WIDTH > 8 + GUARD_RADIUS) expect(value).toBe(before[i]);
    });
  });

  it.each([0.25, 0.5, 1])('is never driven by one bright pixel in noise of %d', (deviation) => {
    // Two halves of a flat picture, which agree in one pixel by chance: no other difference tells its variance.
    const uniform = noise(WIDTH, HEIGHT, 6, 1, 3).data.map((value, i) => value - (i % WIDTH) / WIDTH);
    const half = (first: number): Float32Array =>
      uniform
        .slice(first * WIDTH * HEIGHT, (first + 1) * WIDTH * HEIGHT)
        .map((value) => 0.5 * Math.max(0, 1 + deviation * Math.sqrt(24) * (value - 0.5)));
    const [a, b] = [half(0), half(1)];
    for (const brightness of [1, 5, 100]) {
      for (const half of [a, b]) half[10 * WIDTH + 8] = brightness;
      const variance = raster(
        WIDTH,
        HEIGHT,
        1,
        a.map((value, i) => (value - (b[i] as number)) ** 2 / 4),
      );
      const mean = a.map((value, i) => (value + (b[i] as number)) / 2);
      const noisy = raster(
        WIDTH,
        HEIGHT,
        3,
        Float32Array.from({ length: 3 * mean.length }, (_, i) => mean[i % mean.length] as number),
      );
      const share = denoisedWeight({ noisy, variance, denoised: filled(3, 0.5), exposure: 1 }, WHOLE);
      expect(share === undefined ? 1 : Math.min(...share.data)).toBeGreaterThan(0.5);
    }
  });

  it.each([
    { x: 0, y: 0, width: 5, height: 3 },
    { x: 14, y: 9, width: 7, height: 5 },
    { x: 36, y: 20, width: 1, height: 2 },
  ])('needs of a region no more than the pixels about it: %o', (area) => {
    const [noisy, variance] = [noise(WIDTH, HEIGHT, 3), noise(WIDTH, HEIGHT, 1, 0.005, 3)];
    const [whole, part] = [noise(WIDTH, HEIGHT, 3, 1, 9), noise(WIDTH, HEIGHT, 3, 1, 9)];
    const far = (i: number): boolean => {
      const [x, y] = [i % WIDTH, Math.floor(i / WIDTH) % HEIGHT];
      const outside = (at: number, from: number, size: number): boolean =>
        at < from - GUARD_RADIUS || at >= from + size + GUARD_RADIUS;
      return outside(x, area.x, area.width) || outside(y, area.y, area.height);
    };
    part.data.forEach((_, i) => {
      if (far(i)) part.data[i] = Number.NaN;
    });
    for (const [denoised, within] of [[whole, WHOLE] as const, [part, area] as const]) {
      const share = denoisedWeight({ noisy, variance, denoised, exposure: 1 }, within) as Raster;
      expect(share).toBeDefined();
      blendTowardsInput(noisy, denoised, share, within);
    }
    for (let y = area.y; y < area.y + area.height; y++) {
      for (let x = area.x; x < area.x + area.width; x++) {
        expect(part.data[y * WIDTH + x]).toBe(whole.data[y * WIDTH + x]);
      }
    }
  });

  it('is that of the training package', () => {
    const folder = new URL('../../golden/kpcn/', import.meta.url);
    const { tensors } = JSON.parse(readFileSync(new URL('golden.json', folder), 'utf8'));
    const [height, width] = tensors.output.shape.slice(-2) as [number, number];
    const read = (name: string, firstChannel = 0, channels = 3): Raster => {
      const bytes = readFileSync(new URL(tensors[name].file, folder));
      const values = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
      const plane = width * height;
      const layer = values.slice(firstChannel * plane, (firstChannel + channels) * plane);
      return raster(width, height, channels, layer);
    };
    const [noisy, variance, denoised] = [read('inputs'), read('inputs', 3, 1), read('output')];
    for (let i = 0; i < variance.data.length; i++) variance.data[i] = 0.3 * (variance.data[i] as number);
    const area = { x: 0, y: 0, width, height };
    const share = denoisedWeight({ noisy, variance, denoised, exposure: 1 }, area) as Raster;
    const least = Math.min(...share.data);
    expect(least).toBeLessThan(0.9);
    blendTowardsInput(noisy, denoised, share, area);
    expect(largestDifference(denoised, read('guarded'))).toBeLessThan(1e-4);
  });
});
