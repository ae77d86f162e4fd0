import { beforeAll, describe, expect, it } from 'vitest';
import { type ModelBundle, ModelRepository } from '../../src/engine/model-repository.js';
import { onnxEngine } from '../../src/engine/onnxruntime/onnx-engine.js';
import { fastestSimd, type Simd } from '../../src/engine/wasm-build.js';
import type { Frame } from '../../src/frame/frame.js';
import { paddedSize } from '../../src/image/pyramid.js';
import { type Raster, raster } from '../../src/image/raster.js';
import type { Tile } from '../../src/image/region.js';
import {
  AUXILIARY_CHANNELS,
  AUXILIARY_NAMES,
  type AuxiliaryBuffers,
  areClean,
  prefilterTiles,
} from '../../src/kpcn/auxiliary-buffers.js';
import { AuxiliaryPrefilter } from '../../src/kpcn/auxiliary-prefilter.js';
import { randomNumbers } from '../support/random.js';
import { buffersOf, goldenBuffers, prefilteredModels, prefilterGolden } from './prefilter-support.js';

const BUILDS: Simd[] = fastestSimd() === 'relaxed' ? ['plain', 'relaxed'] : ['plain'];
const LEVELS = prefilterGolden().auxiliaryPrefilter.levels as number;

let bundle: ModelBundle;
let prefilter: AuxiliaryPrefilter;

async function load(of: ModelBundle, simd?: Simd): Promise<AuxiliaryPrefilter> {
  const loaded = await AuxiliaryPrefilter.load(of, onnxEngine, simd);
  if (loaded === undefined) throw new Error('there is no prefilter');
  return loaded;
}

beforeAll(async () => {
  bundle = (await ModelRepository.open(prefilteredModels())).find();
  prefilter = await load(bundle);
});

function targetOf(source: AuxiliaryBuffers): AuxiliaryBuffers {
  const { width, height } = (source.albedo ?? source.normal) as Raster;
  const names = AUXILIARY_NAMES.filter((name) => source[name.replace('Variance', '') as 'albedo' | 'normal']);
  return Object.fromEntries(names.map((name) => [name, raster(width, height, AUXILIARY_CHANNELS[name])]));
}

function wholeOf({ width, height }: Raster): Tile {
  return { x: 0, y: 0, width: paddedSize(width, LEVELS), height: paddedSize(height, LEVELS) };
}

async function filtered(
  source: AuxiliaryBuffers,
  measured = true,
  tiles: readonly Tile[] = [wholeOf((source.albedo ?? source.normal) as Raster)],
  by = prefilter,
): Promise<Required<AuxiliaryBuffers>> {
  const target = targetOf(source);
  for (const tile of tiles) await by.filterTile({ source, target, measured }, tile);
  return target as Required<AuxiliaryBuffers>;
}

function largestDifference(a: AuxiliaryBuffers, b: AuxiliaryBuffers): number {
  let most = 0;
  for (const name of AUXILIARY_NAMES) {
    const [left, right] = [a[name]?.data ?? [], b[name]?.data ?? []];
    expect(left.length).toBe(right.length);
    left.forEach((value, i) => {
      most = Math.max(most, Math.abs(value - (right[i] as number)));
    });
  }
  return most;
}

/** Noisy auxiliaries, the right half clean, that are the same in every run. */
function noisy(width: number, height: number): Required<AuxiliaryBuffers> {
  const numbers = randomNumbers(width * 7919 + height);
  const data = Float32Array.from({ length: 8 * width * height }, (_, i) => {
    const random = numbers();
    const plane = Math.floor(i / (width * height));
    const isClean = i % width > 0.6 * width;
    if (plane % 4 === 3) return isClean ? 0 : 0.02 * random;
    return (0.5 + 0.4 * Math.sin((i % width) / 3)) * (isClean ? 1 : random);
  });
  return buffersOf(width, height, data);
}

describe.each(BUILDS)('the auxiliary prefilter (%s)', (simd) => {
  it.each(Object.entries(prefilterGolden().cases))(
    'gives what the training gives for %s variances',
    async (name, { measured }) => {
      const by = await load(bundle, simd);
      const [inputs, output] = [goldenBuffers(name, 'inputs'), goldenBuffers(name, 'output')];
      const { albedo, normal } = inputs;
      const result = await filtered(measured ? inputs : { albedo, normal }, measured, undefined, by);
      expect(largestDifference(result, output)).toBeLessThan(1e-4);
      const { albedoVariance, normalVariance } = result;
      const variances = { albedoVariance, normalVariance };
      const expected = { albedoVariance: output.albedoVariance, normalVariance: output.normalVariance };
      expect(largestRelative(variances, expected)).toBeLessThan(2e-3);
    },
  );
});

/** Relative to values that count. */
function largestRelative(a: Record<string, Raster>, b: Record<string, Raster>): number {
  return Math.max(
    ...Object.keys(a).flatMap((name) =>
      Array.from(a[name]?.data ?? [], (value, i) => {
        const right = b[name]?.data[i] as number;
        return Math.abs(value - right) / (Math.abs(right) + 1e-6);
      }),
    ),
  );
}

describe('tiles', () => {
  it.each([
    [1, 1],
    [9, 3],
    [61, 45],
    [150, 37],
  ])('of %i x %i pixels are equal to the whole picture', async (width, height) => {
    const source = noisy(width, height);
    for (const measured of [true, false]) {
      const { albedo, normal } = source;
      const given = measured ? source : { albedo, normal };
      const whole = await filtered(given, measured);
      for (const side of width > 100 ? [3, 9] : [1, 2, 5]) {
        const tiles: Tile[] = [];
        const [right, bottom] = [paddedSize(width, LEVELS), paddedSize(height, LEVELS)];
        for (let y = 0; y < bottom; y += 8 * side) {
          for (let x = 0; x < right; x += 16 * side) {
            const size = { width: Math.min(16 * side, right - x), height: Math.min(8 * side, bottom - y) };
            tiles.push({ x, y, ...size });
          }
        }
        expect(largestDifference(await filtered(given, measured, tiles), whole)).toBeLessThan(1e-5);
      }
    }
  });

  it('cover the padded picture, within their memory', () => {
    const manifest = bundle.manifest.auxiliaryPrefilter;
    if (manifest === undefined) throw new Error('there is no prefilter');
    const tiles = prefilterTiles({ width: 301, height: 203 }, manifest, { workers: 2, maxPixels: 160 ** 2 });
    expect(tiles.length).toBeGreaterThan(4);
    expect(tiles.every(({ x, y }) => x % 8 === 0 && y % 8 === 0)).toBe(true);
    const covered = tiles.reduce((sum, { width, height }) => sum + width * height, 0);
    expect(covered).toBe(304 * 208);
  });
});

describe('the result', () => {
  it('is the input, bit for bit, where no noise was measured about', async () => {
    const source = noisy(96, 40);
    const clean = { ...source, albedoVariance: raster(96, 40, 1), normalVariance: raster(96, 40, 1) };
    const result = await filtered(clean);
    for (const name of AUXILIARY_NAMES) expect(result[name].data).toEqual(clean[name].data);

    const mixed = await filtered(source);
    const isFar = (i: number): boolean => i % 96 > 0.6 * 96 + 4;
    const isSame = (i: number): boolean => mixed.albedo.data[i] === source.albedo.data[i];
    const pixels = Array.from({ length: 96 * 40 }, (_, i) => i);
    expect(pixels.filter(isFar).length).toBeGreaterThan(1000);
    expect(pixels.filter(isFar).every(isSame)).toBe(true);
    expect(pixels.filter((i) => !isFar(i) && !isSame(i)).length).toBeGreaterThan(1000);
  });

  it.each([true, false])(
    'takes back what the constants of the model do not explain, measured %j',
    async (measured) => {
      const { manifest, files } = bundle;
      const { auxiliaryPrefilter } = manifest;
      if (auxiliaryPrefilter === undefined) throw new Error('there is no prefilter');
      const changeOf = async (constants: object): Promise<number> => {
        const by = await load({
          manifest: { ...manifest, auxiliaryPrefilter: { ...auxiliaryPrefilter, ...constants } },
          files,
        });
        const source = noisy(32, 24);
        const given = measured ? source : { albedo: source.albedo, normal: source.normal };
        const { data } = (await filtered(given, measured, undefined, by)).albedo;
        return data.reduce((sum, value, i) => sum + Math.abs(value - (source.albedo.data[i] as number)), 0);
      };
      const [own, other] = ['explainedNoise', 'explainedEstimate'].toSorted((a) =>
        (a === 'explainedNoise') === measured ? -1 : 1,
      ) as [string, string];
      const change = await changeOf({});
      expect(await changeOf({ [own]: 1e-6 })).toBeLessThan(0.05 * change);
      expect(await changeOf({ [other]: 1e-6 })).toBe(change);
    },
  );

  it('stays constant where the buffers are', async () => {
    const [width, height] = [50, 34];
    const fill = (channels: number, value: number): Raster =>
      raster(width, height, channels, new Float32Array(channels * width * height).fill(value));
    const source = {
      ...{ albedo: fill(3, 0.7), albedoVariance: fill(1, 0.1) },
      ...{ normal: fill(3, -0.5), normalVariance: fill(1, 0.1) },
    };
    const result = await filtered(source);
    for (const value of result.albedo.data) expect(value).toBeCloseTo(0.7, 5);
    for (const value of result.normal.data) expect(value).toBeCloseTo(-0.5, 5);
    for (const value of result.albedoVariance.data) expect(value).toBeLessThanOrEqual(0.1);
  });

  it('does not depend on what was filtered before', async () => {
    const first = await filtered(noisy(61, 45));
    await filtered(noisy(150, 37), false);
    const again = await filtered(noisy(61, 45));
    expect(largestDifference(first, again)).toBe(0);
  });

  it('has the buffer that there is, as if the other were 0', async () => {
    const source = noisy(33, 21);
    const zeros = { normal: raster(33, 21, 3), normalVariance: raster(33, 21, 1) };
    const { albedo, albedoVariance } = source;
    const alone = await filtered({ albedo, albedoVariance });
    expect(alone.normal).toBeUndefined();
    const both = await filtered({ ...source, ...zeros });
    expect(alone.albedo.data).toEqual(both.albedo.data);
    expect(alone.albedoVariance.data).toEqual(both.albedoVariance.data);
    const normals = await filtered({ normal: source.normal, normalVariance: source.normalVariance });
    expect(normals.albedo).toBeUndefined();
    expect(normals.normal.data).not.toEqual(source.normal.data);
  });
});

describe('convex kernels', () => {
  it('keep one level within the range of its buffers', async () => {
    const { manifest, files } = bundle;
    const { auxiliaryPrefilter } = manifest;
    if (auxiliaryPrefilter === undefined) throw new Error('there is no prefilter');
    const single = { ...manifest, auxiliaryPrefilter: { ...auxiliaryPrefilter, levels: 1 } };
    const by = await load({ manifest: single, files });
    const source = noisy(70, 52);
    const result = await filtered(source, true, [{ x: 0, y: 0, width: 70, height: 52 }], by);
    for (const name of ['albedo', 'normal'] as const) {
      const [least, most] = [Math.min(...source[name].data), Math.max(...source[name].data)];
      expect(Math.min(...result[name].data)).toBeGreaterThanOrEqual(least - 1e-6);
      expect(Math.max(...result[name].data)).toBeLessThanOrEqual(most + 1e-6);
    }
    const before = source.albedoVariance.data.reduce((sum, value) => sum + value, 0);
    const after = result.albedoVariance.data.reduce((sum, value) => sum + value, 0);
    expect(after).toBeLessThan(before);
  });
});

describe('buffers', () => {
  it('are clean where measured variances are all next to nothing', () => {
    const buffers = noisy(20, 10);
    const color = raster(20, 10, 3);
    const of = (changes: object): Frame => ({
      ...{ width: 20, height: 10, source: 'generic', color, colorVariance: raster(20, 10, 1) },
      ...{ varianceOrigin: 'half-buffers', ...buffers, ...changes },
    });
    const none = raster(20, 10, 1);
    expect(areClean(of({}))).toBe(false);
    expect(areClean(of({ albedoVariance: none }))).toBe(false);
    expect(areClean(of({ albedoVariance: none, normalVariance: none }))).toBe(true);
    expect(areClean(of({ albedoVariance: undefined, normalVariance: none }))).toBe(false);
    expect(areClean(of({ albedo: undefined, normalVariance: none }))).toBe(true);
  });
});
