import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { ModelRepository } from '../../src/engine/model-repository.js';
import { onnxEngine } from '../../src/engine/onnx-engine.js';
import { type Raster, raster, SharedRasters } from '../../src/image/raster.js';
import { ComponentFeatures } from '../../src/kpcn/features.js';
import { coarsen, KpcnNetwork } from '../../src/kpcn/network.js';
import { createPicture, type Level, type Picture } from '../../src/kpcn/picture.js';

/** Tensors that the training's PyTorch network made with the weights of a bundle. */
class Golden {
  readonly source: string;
  readonly #tensors: Record<string, { file: string; shape: [number, number, number, number] }>;

  constructor(private readonly folder: URL) {
    const { source, tensors } = JSON.parse(readFileSync(new URL('golden.json', folder), 'utf8'));
    this.source = source;
    this.#tensors = tensors;
  }

  raster(name: string): Raster {
    const entry = this.#tensors[name];
    if (entry === undefined) throw new Error(`No golden tensor ${name}`);
    const [, channels, height, width] = entry.shape;
    const bytes = new Uint8Array(readFileSync(new URL(entry.file, this.folder)));
    return raster(width, height, channels, new Float32Array(bytes.buffer));
  }

  channels(name: string, first: number, count: number): Raster {
    const { width, height, data } = this.raster(name);
    const size = width * height;
    return raster(width, height, count, data.slice(first * size, (first + count) * size));
  }
}

/** Of values around 1; larger ones relatively. */
function expectClose(received: ArrayLike<number>, wanted: Float32Array, tolerance: number): void {
  expect(received.length).toBe(wanted.length);
  const errors = wanted.map(
    (value, i) => Math.abs((received[i] as number) - value) / Math.max(Math.abs(value), 1),
  );
  expect(errors.reduce((a, b) => Math.max(a, b))).toBeLessThan(tolerance);
}

const tile = ({ width, height }: Level) => ({ x: 0, y: 0, width, height });

describe.each([
  { models: 'test/golden/tiny-bundle', golden: 'tiny-network' },
  { models: 'models', golden: 'kpcn' },
])('KpcnNetwork of $models', (folders) => {
  const golden = new Golden(new URL(`../golden/${folders.golden}/`, import.meta.url));
  let picture: Picture;

  beforeAll(async () => {
    const models = fileURLToPath(new URL(`../../${folders.models}`, import.meta.url));
    const bundle = (await ModelRepository.open(models)).find();
    const network = await KpcnNetwork.load(bundle, onnxEngine);
    picture = createPicture(
      {
        encoder: golden.source,
        color: golden.channels('inputs', 0, 3),
        colorVariance: golden.channels('inputs', 3, 1),
        albedo: golden.channels('inputs', 4, 3),
        albedoVariance: golden.channels('inputs', 7, 1),
        normal: golden.channels('inputs', 8, 3),
        normalVariance: golden.channels('inputs', 11, 1),
      },
      [],
      bundle.manifest.architecture.levels,
      new SharedRasters(),
    );
    const { levels, encoder } = picture;
    const ignore = (): void => undefined;
    coarsen(levels, 0, picture.height);
    for (const level of levels) await network.denoiseTile(level, encoder, 1, tile(level), ignore);
    for (let l = levels.length - 2; l >= 0; l--) {
      const [fine, coarse] = [levels[l], levels[l + 1]] as [Level, Level];
      await network.compositeTile(fine, coarse, 1, tile(fine), ignore);
    }
  });

  it('sees the same features as the training', () => {
    const finest = picture.levels[0] as Level;
    const { data } = new ComponentFeatures().compute(finest, tile(finest), 1);
    expectClose(data, golden.raster('x').data, 1e-6);
  });

  it.each([0, 1, 2])('denoises level %i as the training does', (l) => {
    expectClose(picture.levels[l]?.denoised.data ?? [], golden.raster(`level${l}`).data, 1e-4);
  });

  it('composites as the training does', () => {
    expectClose(picture.levels[0]?.composited.data ?? [], golden.raster('output').data, 1e-4);
  });
});
