import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { WindowDenoiser } from '../../src/denoise/kpcn/denoise-window.js';
import { FeatureCache } from '../../src/denoise/kpcn/feature-cache.js';
import type { WindowRequest } from '../../src/denoise/kpcn/window-request.js';
import type { DenoiseResult, WindowFrame } from '../../src/denoise/types.js';
import type { DenoiseJob, DenoisePool, WorkerModels } from '../../src/denoise/worker/jobs.js';
import { openWorkers } from '../../src/denoise/worker/open-workers.js';
import { type ModelBundle, ModelRepository } from '../../src/engine/model-repository.js';
import { onnxEngine } from '../../src/engine/onnxruntime/onnx-engine.js';
import { QuietframeError } from '../../src/errors.js';
import type { Frame } from '../../src/frame/frame.js';
import { type Raster, raster } from '../../src/image/raster.js';
import { GpuNetwork } from '../../src/kpcn/gpu/gpu-network.js';
import { prefilteredModels } from '../kpcn/prefilter-support.js';
import { largestDifference } from '../support/closeness.js';
import { frameOf, noise } from './support.js';

const WORKER = new URL('../../dist/denoise/worker/denoise-worker.js', import.meta.url);
const [WIDTH, HEIGHT] = [62, 43];
const REQUEST: WindowRequest = {
  ...{ lambda: 1, also: [], errors: false, neighbors: [], irradiance: false },
  ...{ prefilter: 'off', auxiliaries: false },
};

let bundle: ModelBundle;
let models: WorkerModels;
let pool: DenoisePool;

beforeAll(async () => {
  bundle = (await ModelRepository.open(prefilteredModels())).find();
  models = {
    ...{ engine: 'onnx', previews: new Map() },
    networks: new Map([['kpcn@1', bundle]]),
  };
  pool = openWorkers(WORKER, 1, models);
});

afterAll(() => pool.close());

/** Denoises on a device whose graphs run on ONNX Runtime's provider for the CPU; tells the jobs that it was given. */
function onDevice(
  cache = new FeatureCache(0),
  fails: (job: DenoiseJob) => boolean = () => false,
): { readonly denoiser: WindowDenoiser; readonly jobs: DenoiseJob[] } {
  const network = new GpuNetwork(bundle, onnxEngine);
  const jobs: DenoiseJob[] = [];
  const devicePool = openWorkers(WORKER, 1, models);
  vi.spyOn(devicePool, 'run').mockImplementation(async (_, given) => {
    const job = given as DenoiseJob;
    jobs.push(job);
    if (fails(job)) throw new QuietframeError('device-unavailable', 'Expected a device but received none');
    const time = (): void => undefined;
    if (job.kind === 'denoise') await network.denoiseTile(job.task, job.reading, job.tile, time);
    else if (job.kind === 'estimate') {
      await network.denoiseTile(job.task, job.reading, job.tile, time, job.kept);
    } else if (job.kind === 'join') await network.fuseTile(job.task, job.tile, time);
    else throw new TypeError(`The device cannot ${job.kind}`);
    return { simd: 'plain', provider: 'webgpu', exposure: 1, seconds: {} };
  });
  const device = { name: 'webgpu', pool: devicePool, bytes: 1 } as const;
  return { denoiser: new WindowDenoiser(pool, 1, cache, device), jobs };
}

function onHost(): WindowDenoiser {
  return new WindowDenoiser(pool, 1, new FeatureCache(0));
}

function windowFrame(
  offset: number,
  options: { key?: string; also?: Raster[]; frame?: Frame } = {},
): WindowFrame {
  const { frame: other = frameOf(WIDTH, HEIGHT, offset + 5) } = options;
  const motion = raster(other.width, other.height, 2);
  for (let i = 0; i < motion.data.length; i++) {
    motion.data[i] = i % 31 === 0 ? Number.NaN : 5.3 * offset + 4 * Math.sin(i / 40);
  }
  return { ...options, offset, frame: other, motion };
}

function expectAlike(received: DenoiseResult, wanted: DenoiseResult): void {
  expect(largestDifference(received.color, wanted.color)).toBeLessThan(1e-4);
  for (const [i, layer] of wanted.also.entries()) {
    expect(largestDifference(received.also[i] ?? raster(0, 0, 1), layer)).toBeLessThan(1e-4);
  }
}

const frame = frameOf(WIDTH, HEIGHT);
const lambdaMap = raster(
  WIDTH,
  HEIGHT,
  1,
  noise(WIDTH, HEIGHT, 1, 4).data.map((value) => 1 + value),
);

describe('a window on a device', () => {
  it.each([[[3]], [[-1, 1]], [[-3, -2, -1]], [[-3, -1, 1, 2]], [[-3, -2, 1, 2, 3]], [[-3, -2, -1, 1, 2, 3]]])(
    'with frames at %j is joined as on the CPU, and the device named',
    async (offsets) => {
      const request = { ...REQUEST, neighbors: offsets.map((offset) => windowFrame(offset)) };
      const { denoiser } = onDevice();
      const received = await denoiser.denoise(frame, bundle.manifest, request);
      expectAlike(received, await onHost().denoise(frame, bundle.manifest, request));
      expect(received.report).toMatchObject({
        ...{ device: 'webgpu', executionProvider: 'webgpu', windowUsed: offsets.length + 1 },
      });
      expect(received.report.features).toBeUndefined();
    },
  );

  it.each([[[]], [[-1, 1]]])(
    'with frames at %j is guided by the buffers that the CPU has cleaned',
    async (offsets) => {
      const neighbors = offsets.map((offset) => windowFrame(offset));
      const request: WindowRequest = { ...REQUEST, neighbors, prefilter: 'auto' };
      const received = await onDevice().denoiser.denoise(frame, bundle.manifest, request);
      const wanted = await onHost().denoise(frame, bundle.manifest, request);
      const noisy = await onHost().denoise(frame, bundle.manifest, { ...request, prefilter: 'off' });
      expectAlike(received, wanted);
      expect(received.report).toMatchObject({ device: 'webgpu', prefilter: 'on' });
      expect(largestDifference(received.color, noisy.color)).toBeGreaterThan(1e-3);
    },
  );

  const also = [noise(WIDTH, HEIGHT, 3, 2), noise(WIDTH, HEIGHT, 1)];
  const neighbors = [-1, 2].map((offset) =>
    windowFrame(offset, { also: [noise(WIDTH, HEIGHT, 3, 2, offset), noise(WIDTH, HEIGHT, 1, 1, offset)] }),
  );
  const { albedo: _, albedoVariance: __, ...withoutAlbedo } = frame;
  it.each<[string, Frame, Partial<WindowRequest>]>([
    ['a number for lambda', frame, { lambda: 4 }],
    ['a map of lambda', frame, { lambda: lambdaMap }],
    ['irradiance', frame, { irradiance: true }],
    ['a region', frame, { region: { x: 21, y: 13, width: 30, height: 17 } }],
    ['no albedo in the centre', withoutAlbedo, {}],
  ])('does %s with further layers as the CPU does', async (_name, center, options) => {
    const request = { ...REQUEST, neighbors, also, ...options };
    const received = await onDevice().denoiser.denoise(center, bundle.manifest, request);
    const wanted = await onHost().denoise(center, bundle.manifest, request);
    if (options.region === undefined) {
      expectAlike(received, wanted);
      return;
    }
    const { x, y, width, height } = options.region;
    let most = 0;
    for (let i = 0; i < wanted.color.data.length; i++) {
      const [column, row] = [i % WIDTH, Math.floor(i / WIDTH) % HEIGHT];
      if (column < x || column >= x + width || row < y || row >= y + height) continue;
      most = Math.max(most, Math.abs((received.color.data[i] ?? 0) - (wanted.color.data[i] ?? 0)));
    }
    expect(most).toBeLessThan(1e-4);
  });

  it('is joined tile by tile where the device has little memory', async () => {
    const [width, height] = [330, 170];
    const large = frameOf(width, height);
    const request = { ...REQUEST, neighbors: [windowFrame(-1, { frame: frameOf(width, height, 4) })] };
    const { denoiser, jobs } = onDevice();
    const received = await denoiser.denoise(large, bundle.manifest, request);
    expectAlike(received, await onHost().denoise(large, bundle.manifest, request));
    const { levels } = bundle.manifest.architecture;
    expect(received.report.tiles).toBeGreaterThan(levels);
    expect(jobs.filter(({ kind }) => kind === 'join')).toHaveLength(received.report.tiles);
  });

  it('makes one estimate a step when it slides, and none for another lambda', async () => {
    const shot = Array.from({ length: 5 }, (_, n) => ({
      frame: frameOf(WIDTH, HEIGHT, n),
      key: `frame ${n}`,
    }));
    const windowOf = (center: number): WindowRequest & { readonly frame: Frame } => {
      const others = shot.flatMap((other, n) =>
        n !== center && Math.abs(n - center) <= 2 ? [windowFrame(n - center, other)] : [],
      );
      return { ...REQUEST, ...(shot[center] as (typeof shot)[number]), neighbors: others };
    };
    const cache = new FeatureCache(2 ** 30);
    const { denoiser, jobs } = onDevice(cache);
    const step = async (center: number, lambda = 1): Promise<DenoiseResult> => {
      jobs.length = 0;
      const request = { ...windowOf(center), lambda };
      return denoiser.denoise(request.frame, bundle.manifest, request);
    };
    const estimated = (): number => {
      const finest = jobs.filter((job) => job.kind === 'estimate' && job.tile.x === 0 && job.tile.y === 0);
      return finest.length / bundle.manifest.architecture.levels;
    };
    await step(1);
    expect(estimated()).toBe(4);
    const slid = await step(2);
    expect(estimated()).toBe(1);
    expect(slid.report.features).toMatchObject({ hits: 4, misses: 1 });
    const wanted = windowOf(2);
    expectAlike(slid, await onHost().denoise(wanted.frame, bundle.manifest, wanted));
    await step(2, 3);
    expect(new Set(jobs.map(({ kind }) => kind))).toEqual(new Set(['denoise', 'join']));
    // Five frames of 4 F / 4 + E / 4 + 3 + 1 + 3 channels each, at all levels.
    const { featureChannels, embeddingChannels, levels } = bundle.manifest.architecture;
    const multiple = 2 ** levels;
    const pixels = Math.ceil(WIDTH / multiple) * Math.ceil(HEIGHT / multiple) * multiple ** 2;
    const values = featureChannels / 4 + embeddingChannels / 4 + 7;
    const ofLevels = Array.from({ length: levels }, (_, l) => 1 / 4 ** l).reduce((sum, each) => sum + each);
    expect(cache.statistics.bytes).toBe(5 * 4 * pixels * ofLevels * values);
  });

  it('keeps estimates of a device apart from those of the CPU', async () => {
    const cache = new FeatureCache(2 ** 30);
    const request = { ...REQUEST, key: 'centre', neighbors: [windowFrame(1, { key: 'next' })] };
    const host = new WindowDenoiser(pool, 1, cache);
    const wanted = await host.denoise(frame, bundle.manifest, request);
    let failing = false;
    const { denoiser } = onDevice(cache, () => failing);
    const first = await denoiser.denoise(frame, bundle.manifest, request);
    expectAlike(first, wanted);
    expect(first.report.features).toMatchObject({ hits: 0, misses: 2 });
    failing = true;
    const received = await denoiser.denoise(frame, bundle.manifest, request);
    expect(received.report).toMatchObject({ device: 'cpu', windowUsed: 2 });
    expect(received.color.data).toEqual(wanted.color.data);
  });

  it('is the work of the CPU from then on when the device fails in the middle of it', async () => {
    const { denoiser, jobs } = onDevice(new FeatureCache(2 ** 30), ({ kind }) => kind === 'join');
    const request = { ...REQUEST, key: 'centre', neighbors: [windowFrame(1, { key: 'next' })] };
    const wanted = await onHost().denoise(frame, bundle.manifest, request);
    for (let turn = 0; turn < 2; turn++) {
      const received = await denoiser.denoise(frame, bundle.manifest, request);
      expect(received.report).toMatchObject({ device: 'cpu', executionProvider: 'cpu' });
      expect(received.color.data).toEqual(wanted.color.data);
    }
    expect(jobs.filter(({ kind }) => kind === 'join')).toHaveLength(1);
  });

  it('tells progress that rises to 1', async () => {
    const told: number[] = [];
    const request = { ...REQUEST, lambda: 2, neighbors: [windowFrame(1)] };
    await onDevice().denoiser.denoise(frame, bundle.manifest, {
      ...request,
      onProgress: (fraction) => told.push(fraction),
    });
    expect(told).toEqual(told.toSorted((a, b) => a - b));
    expect(told.at(-1)).toBe(1);
    expect(told.at(-2)).toBeGreaterThan(0.99);
  });
});
