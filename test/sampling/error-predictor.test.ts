import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { type ModelBundle, ModelRepository } from '../../src/engine/model-repository.js';
import { onnxEngine } from '../../src/engine/onnxruntime/onnx-engine.js';
import { type Raster, raster } from '../../src/image/raster.js';
import type { ErrorMap } from '../../src/sampling/error-map.js';
import { type DenoisedPicture, ErrorPredictor } from '../../src/sampling/error-predictor.js';
import { relativeVariance } from '../../src/sampling/relative-variance.js';

const repository = await ModelRepository.open(new URL('../../models', import.meta.url).pathname);
const bundle: ModelBundle = repository.find('kpcn');
const predictor = (await ErrorPredictor.load(bundle, onnxEngine)) as ErrorPredictor;

const WIDTH = 28;
const HEIGHT = 20;
const SIZE = WIDTH * HEIGHT;

function golden(name: string): Float32Array {
  const bytes = readFileSync(new URL(`../golden/error/${name}.f32`, import.meta.url));
  return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
}

/** The golden input as rasters, with light divided by an exposure. */
function picture(exposure: number): DenoisedPicture {
  const x = golden('x');
  const layer = (from: number, channels: number, scale: number): Raster =>
    raster(
      WIDTH,
      HEIGHT,
      channels,
      x.slice(from * SIZE, (from + channels) * SIZE).map((value) => value / scale),
    );
  return {
    noisy: layer(0, 3, exposure),
    denoised: layer(3, 3, exposure),
    colorVariance: layer(6, 1, exposure ** 2),
    albedo: layer(7, 3, 1),
    normal: layer(10, 3, 1),
  };
}

const errorMap = (): ErrorMap => ({
  smape: raster(WIDTH, HEIGHT, 1),
  dssim: raster(WIDTH, HEIGHT, 1),
});
const whole = { x: 0, y: 0, width: WIDTH, height: HEIGHT };

describe('ErrorPredictor', () => {
  it('agrees with the training', async () => {
    const errors = errorMap();
    await predictor.predictTile(picture(1), 1, whole, errors);
    const expected = golden('error');
    const furthest = [...errors.smape.data, ...errors.dssim.data].reduce(
      (most, value, i) => Math.max(most, Math.abs(value - (expected[i] as number))),
      0,
    );
    expect(furthest).toBeLessThan(1e-4);
    expect(Math.max(...expected) - Math.min(...expected)).toBeGreaterThan(0.05);
  });

  it('predicts the same in tiles', async () => {
    const [once, tiled] = [errorMap(), errorMap()];
    await predictor.predictTile(picture(1), 1, whole, once);
    for (const y of [0, 10]) {
      for (const x of [0, 14]) {
        await predictor.predictTile(picture(1), 1, { x, y, width: 14, height: 10 }, tiled);
      }
    }
    for (const metric of ['smape', 'dssim'] as const) {
      for (const [i, value] of tiled[metric].data.entries())
        expect(value).toBeCloseTo(once[metric].data[i] as number, 5);
    }
  });

  it('takes the exposure out of SMAPE, which has a constant in its denominator, and not out of DSSIM', async () => {
    const [exposed, dark] = [errorMap(), errorMap()];
    await predictor.predictTile(picture(1), 1, whole, exposed);
    // The picture is a hundred times darker, and the network sees the same.
    await predictor.predictTile(picture(100), 100, whole, dark);
    const { denoised } = picture(1);
    for (const [i, smape] of dark.smape.data.entries()) {
      let ratio = 0;
      for (let c = 0; c < 3; c++) {
        const sum = 2 * (denoised.data[c * SIZE + i] as number);
        ratio += (sum + 0.01) / (sum + 1) / 3;
      }
      expect(smape).toBeCloseTo(ratio * (exposed.smape.data[i] as number), 4);
    }
    for (const [i, dssim] of dark.dssim.data.entries()) {
      expect(dssim).toBeCloseTo(exposed.dssim.data[i] as number, 4);
    }
  });

  it('works without guides', async () => {
    const { noisy, denoised, colorVariance } = picture(1);
    const errors = errorMap();
    await predictor.predictTile({ noisy, denoised, colorVariance }, 1, whole, errors);
    for (const { data } of [errors.smape, errors.dssim])
      expect(data.every((value) => value >= 0 && value <= 1)).toBe(true);
  });

  it('is not there in bundles without one', async () => {
    const { errorPredictor: _, ...manifest } = bundle.manifest;
    expect(await ErrorPredictor.load({ ...bundle, manifest }, onnxEngine)).toBeUndefined();
  });
});

it('tells the relative variance, whatever the exposure', () => {
  const [one, other] = [raster(WIDTH, HEIGHT, 1), raster(WIDTH, HEIGHT, 1)];
  relativeVariance(picture(1), 1, whole, one);
  relativeVariance(picture(100), 100, whole, other);
  const { denoised, colorVariance } = picture(1);
  for (const [i, variance] of one.data.entries()) {
    const mean = [0, 1, 2].reduce((sum, c) => sum + (denoised.data[c * SIZE + i] as number) / 3, 0);
    expect(variance).toBeCloseTo(Math.min(1, (colorVariance.data[i] as number) / (mean ** 2 + 1e-4)), 5);
    expect(other.data[i]).toBeCloseTo(variance, 4);
  }
});
