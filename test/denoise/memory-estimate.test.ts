import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { storedBytes } from '../../src/denoise/memory-estimate.js';
import type { ModelSummary } from '../../src/denoise/types.js';
import type { Architecture } from '../../src/engine/model-manifest.js';
import { ModelRepository } from '../../src/engine/model-repository.js';

const repository = await ModelRepository.open(fileURLToPath(new URL('../../models', import.meta.url)));
const { manifest } = repository.find('kpcn@2');

function model(changes: Partial<Architecture>, version = 2): ModelSummary {
  return { ...manifest, version, architecture: { ...manifest.architecture, ...changes }, device: 'cpu' };
}

const windowOf = (changes: Partial<Architecture>, neighbors = 6): number =>
  storedBytes([model(changes)], undefined, neighbors, 0).window;

it('is the sum of the rasters of a network', () => {
  const { window, features } = storedBytes([model({})], 'kpcn', 1, 0);
  expect(features).toBeCloseTo((16 / 3) * 26, 6);
  expect(window).toBeCloseTo((16 / 3) * (2 * 26 + 2 * 9 + 2), 6);
  expect(storedBytes([model({})], 'kpcn', 0, 0).window).toBe(0);
});

it('grows with the channels of a network', () => {
  const { featureChannels, contextChannels, embeddingChannels } = manifest.architecture;
  expect(windowOf({ contextChannels: 2 * contextChannels }, 1) - windowOf({}, 1)).toBeCloseTo(
    (16 / 3) * 2 * contextChannels,
    6,
  );
  expect(windowOf({ featureChannels: 2 * featureChannels })).toBeGreaterThan(windowOf({}));
  expect(windowOf({ embeddingChannels: 2 * embeddingChannels })).toBeGreaterThan(windowOf({}));
});

it('counts the noisy light and the embeddings that joint kernels read in every frame', () => {
  const more = windowOf({ neighborKernelSize: manifest.architecture.kernelSize }) - windowOf({});
  expect(more).toBeCloseTo((16 / 3) * 7 * (3 + manifest.architecture.embeddingChannels), 6);
});

it('is that of the largest model of the name, and of the one that is named', () => {
  const models = [model({}), model({ featureChannels: 64 }, 3)];
  const of = (name: string | undefined) => storedBytes(models, name, 6, 3).window;
  expect(of(undefined)).toBe(of('kpcn@3'));
  expect(of('kpcn@2')).toBeLessThan(of('kpcn@3'));
});

it('is nothing for models of filters', () => {
  const filters = { ...model({}), name: 'pkn', architecture: { filters: ['bilateral'] } };
  expect(storedBytes([filters], 'pkn', 6, 0)).toEqual({ window: 0, features: 0 });
});
