import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { type Raster, raster } from '../../src/image/raster.js';
import { anisotropicGaussian } from '../../src/pkn/anisotropic-gaussian.js';
import { bilateral } from '../../src/pkn/bilateral.js';
import { PknNetwork } from '../../src/pkn/network.js';
import { nonLocalMeans } from '../../src/pkn/non-local-means.js';
import { checkMap, type Filter, PARAMETERS, type ParameterMap } from '../../src/pkn/parameter-map.js';
import { gaussianBlur, polynomialDeblur } from '../../src/pkn/polynomial-deblur.js';
import { rbfUpsample } from '../../src/pkn/rbf-upsample.js';
import { largestDifference } from '../support/closeness.js';
import { randomRaster } from '../support/random.js';
import { SIZES } from './support.js';

const BUNDLE = fileURLToPath(new URL('../../models/pkn/1', import.meta.url));
const GOLDEN = new URL('../golden/pkn/', import.meta.url);
/** The preview has a network and tests of its own. */
type PhotographFilter = Exclude<Filter, 'cross-bilateral'>;
const FILTERS = Object.keys(PARAMETERS).filter(
  (filter): filter is PhotographFilter => filter !== 'cross-bilateral',
);

interface Golden {
  readonly noiseSigma: number;
  readonly blurSigma: number;
  readonly factor: number;
  readonly tensors: Readonly<Record<string, { file: string; shape: [number, number, number, number] }>>;
}

/** Tensors that PyTorch made with the weights of the bundle. */
const golden: Golden = JSON.parse(readFileSync(new URL('golden.json', GOLDEN), 'utf8'));

function tensor(name: string): Raster {
  const entry = golden.tensors[name];
  if (entry === undefined) throw new Error(`No golden tensor ${name}`);
  const [, channels, height, width] = entry.shape;
  const bytes = new Uint8Array(readFileSync(new URL(entry.file, GOLDEN)));
  return raster(width, height, channels, new Float32Array(bytes.buffer));
}

const { noiseSigma, blurSigma, factor } = golden;
const APPLY: Readonly<Record<PhotographFilter, (picture: Raster, map: ParameterMap) => Raster>> = {
  'non-local-means': (picture, map) => nonLocalMeans(picture, map, { noiseSigma }),
  bilateral: (picture, map) => bilateral(picture, map, { noiseSigma }),
  'isotropic-gaussian': anisotropicGaussian,
  'anisotropic-gaussian': anisotropicGaussian,
  'polynomial-deblur': (picture, map) => polynomialDeblur(picture, map, gaussianBlur(blurSigma)),
  'rbf-upsample': (picture, map) => rbfUpsample(picture, map, factor),
};
const optionsOf = (filter: Filter) =>
  filter === 'polynomial-deblur' ? { noiseSigma, blurSigma } : { noiseSigma };

describe('PknNetwork', () => {
  let network: PknNetwork;

  beforeAll(async () => {
    network = await PknNetwork.open(BUNDLE);
  });

  it('has a head of fewer than 20000 weights for every filter', () => {
    expect([...network.filters].sort()).toEqual([...FILTERS].sort());
    const { heads } = JSON.parse(readFileSync(`${BUNDLE}/model.json`, 'utf8'));
    for (const filter of Object.keys(PARAMETERS)) expect(heads[filter].weights).toBeLessThan(20_000);
  });

  it.each(FILTERS)('predicts the parameters of %s that PyTorch predicts', async (filter) => {
    const { values } = await network.predict(filter, tensor('picture'), optionsOf(filter));
    const wanted = tensor(`${filter.replaceAll('-', '_')}.parameters`);
    expect(largestDifference(values, wanted)).toBeLessThan(1e-4);
  });

  it.each(FILTERS)('is the beginning of what PyTorch makes with %s', async (filter) => {
    const values = tensor(`${filter.replaceAll('-', '_')}.parameters`);
    const result = APPLY[filter](tensor('picture'), { filter, values });
    expect(largestDifference(result, tensor(`${filter.replaceAll('-', '_')}.output`))).toBeLessThan(1e-4);
  });

  it.each(FILTERS)('predicts maps of %s for pictures of any size', async (filter) => {
    for (const [width, height] of SIZES) {
      const map = await network.predict(filter, randomRaster(width, height, 1), optionsOf(filter));
      checkMap(map, filter, width, height);
    }
  });

  it('predicts the same in other units of light', async () => {
    const picture = tensor('picture');
    const bright = { ...picture, data: picture.data.map((value) => 64 * value) };
    const map = await network.predict('bilateral', picture, { noiseSigma });
    const other = await network.predict('bilateral', bright, { noiseSigma: 64 * noiseSigma });
    expect(largestDifference(map.values, other.values)).toBeLessThan(1e-4);
  });

  it('smooths flat noise more than texture', async () => {
    const picture = randomRaster(64, 64, 1, [-0.1, 0.1]);
    for (let i = 0; i < 64 * 64; i++) {
      if (i % 64 >= 32) picture.data[i] = (picture.data[i] as number) + ((i >> 1) % 2 === 0 ? 0.4 : -0.4);
    }
    const { values } = await network.predict('non-local-means', picture, { noiseSigma: 0.06 });
    const mean = (from: number): number => {
      const half = values.data.filter((_, i) => i % 32 >= from && i % 32 < from + 12);
      return half.reduce((sum, value) => sum + value, 0) / half.length;
    };
    expect(mean(2)).toBeGreaterThan(1.2 * mean(18));
  });

  it('refuses options that are out of range', async () => {
    const picture = randomRaster(8, 8, 1);
    const refused = { code: 'invalid-argument' };
    for (const wrong of [0, -1, Number.NaN, Number.POSITIVE_INFINITY]) {
      await expect(network.predict('bilateral', picture, { noiseSigma: wrong })).rejects.toMatchObject(
        refused,
      );
      const options = { noiseSigma: 1, blurSigma: wrong };
      await expect(network.predict('polynomial-deblur', picture, options)).rejects.toMatchObject(refused);
    }
    await expect(network.predict('polynomial-deblur', picture, { noiseSigma: 1 })).rejects.toMatchObject(
      refused,
    );
    await expect(
      network.predict('bilateral', picture, { noiseSigma: 1, blurSigma: 1 }),
    ).rejects.toMatchObject(refused);
    await expect(
      network.predict('bilateral', randomRaster(8, 8, 3), { noiseSigma: 1 }),
    ).rejects.toMatchObject(refused);
  });
});
