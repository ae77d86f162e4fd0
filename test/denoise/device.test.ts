import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { Denoiser } from '../../src/denoise/denoiser.js';
import { WindowDenoiser } from '../../src/denoise/kpcn/denoise-window.js';
import { FeatureCache } from '../../src/denoise/kpcn/feature-cache.js';
import { openDevice } from '../../src/denoise/kpcn/gpu.js';
import type { DenoiserOptions } from '../../src/denoise/types.js';
import type { WorkerModels } from '../../src/denoise/worker/jobs.js';
import { openWorkers } from '../../src/denoise/worker/open-workers.js';
import { ModelRepository } from '../../src/engine/model-repository.js';
import { largestDifference } from '../support/closeness.js';
import { frameOf, TINY_MODELS } from './support.js';

const opened: Denoiser[] = [];

async function open(options: Partial<DenoiserOptions>): Promise<Denoiser> {
  const denoiser = await Denoiser.load({ modelsDirectory: TINY_MODELS, threads: 1, ...options });
  opened.push(denoiser);
  return denoiser;
}

afterEach(async () => {
  await Promise.all(opened.splice(0).map((denoiser) => denoiser.close()));
});

beforeAll(() => {
  // No devices, whatever the machine has.
  Object.assign(process.env, {
    VK_DRIVER_FILES: '/none',
    VK_ICD_FILENAMES: '/none',
    CUDA_VISIBLE_DEVICES: '',
  });
});

describe('the device', () => {
  it('is the CPU unless another is asked for, and named in models and reports', async () => {
    const denoiser = await open({});
    expect(denoiser.models.map(({ device }) => device)).toEqual(['cpu']);
    expect(denoiser.deviceRefusals).toEqual([]);
    const { report } = await denoiser.denoise(frameOf(16, 16));
    expect(report).toMatchObject({ device: 'cpu', executionProvider: 'cpu' });
  });

  it.each(['cuda', 'tensorrt'] as const)(
    'says why %s cannot be had where its libraries are missing',
    async (device) => {
      await expect(open({ device })).rejects.toMatchObject({
        code: 'device-unavailable',
        details: { parameter: 'device' },
        message: expect.stringMatching(
          new RegExp(`^Expected a device that works for device but received "${device}": .+`),
        ),
      });
    },
  );

  it('is the CPU with auto where no other may be used, which is told', async () => {
    const denoiser = await open({ device: 'auto' });
    expect(denoiser.models.map(({ device }) => device)).toEqual(['cpu']);
    expect(denoiser.deviceRefusals).toHaveLength(2);
    expect(denoiser.deviceRefusals[0]).toContain('"cuda"');
    expect(denoiser.deviceRefusals[1]).toContain('webgpu');
    const { report } = await denoiser.denoise(frameOf(16, 16));
    expect(report.device).toBe('cpu');
  });

  it('is one of a few words', async () => {
    await expect(open({ device: 'gpu' as 'auto' })).rejects.toMatchObject({
      code: 'invalid-argument',
      message: 'Expected one of cpu, webgpu, cuda, tensorrt, auto for device but received "gpu"',
    });
  });
});

describe('the engine', () => {
  it('gives the same pictures by TensorFlow.js, and is named in reports', async () => {
    const [tfjs, onnx] = [await open({ engine: 'tfjs' }), await open({})];
    const frame = frameOf(70, 54);
    const received = await tfjs.denoise(frame, { lambda: 3 });
    const wanted = await onnx.denoise(frame, { lambda: 3 });
    expect(received.report).toMatchObject({ device: 'cpu', executionProvider: 'tfjs-wasm' });
    expect(wanted.report.executionProvider).toBe('cpu');
    expect(largestDifference(received.color, wanted.color)).toBeLessThan(1e-4);
    expect(received.color.data).not.toEqual(wanted.color.data);
  });

  it('goes with the CPU alone', async () => {
    await expect(open({ engine: 'tfjs', device: 'webgpu' })).rejects.toMatchObject({
      code: 'invalid-argument',
      message: 'Expected cpu with engine tfjs for device but received "webgpu"',
    });
  });
});

describe('the probe', () => {
  const script = new URL('./fixtures/device-worker.mjs', import.meta.url);

  async function models(answers: Record<string, { error: number; times: number }>): Promise<WorkerModels> {
    const bundle = (await ModelRepository.open(TINY_MODELS)).find();
    return Object.assign(
      { engine: 'onnx' as const, networks: new Map([['kpcn@1', bundle]]), previews: new Map() },
      { answers },
    );
  }

  it.each([0.0011, Number.NaN])('refuses a device that differs from the CPU by %d', async (error) => {
    await expect(
      openDevice('webgpu', script, await models({ webgpu: { error, times: 1 } })),
    ).rejects.toMatchObject({
      code: 'device-unavailable',
      message: `Expected results of kpcn@1 within 0.001 of those of the CPU for device webgpu but received ${error}`,
    });
  });

  it('takes a device that does not, however slow, when it is named', async () => {
    const answers = { webgpu: { error: 0.0009, times: 100 } };
    const { device, refusals } = await openDevice('webgpu', script, await models(answers));
    await device?.pool.close();
    expect(device?.name).toBe('webgpu');
    expect(refusals).toEqual([]);
  });

  it('lets auto take the first that agrees and is not slower than the CPU by far', async () => {
    const answers = { cuda: { error: 0.5, times: 1 }, webgpu: { error: 0, times: 4 } };
    const { device, refusals } = await openDevice('auto', script, await models(answers));
    await device?.pool.close();
    expect(device?.name).toBe('webgpu');
    expect(refusals).toEqual([expect.stringContaining('for device cuda but received 0.50')]);
    const slow = { cuda: { error: 0.5, times: 1 }, webgpu: { error: 0, times: 4.1 } };
    const outcome = await openDevice('auto', script, await models(slow));
    expect(outcome.device).toBeUndefined();
    expect(outcome.refusals[1]).toBe(
      'Expected a device faster than the CPU but received webgpu, 4 times slower',
    );
  });

  it('leaves the work of a device that fails to the CPU, from then on', async () => {
    const given = await models({ webgpu: { error: 0, times: 1 } });
    const { device } = await openDevice('webgpu', script, given);
    if (device === undefined) throw new Error('No device');
    const worker = new URL('../../dist/denoise/worker/denoise-worker.js', import.meta.url);
    const pool = openWorkers(worker, 1, given);
    const run = vi.spyOn(device.pool, 'run');
    const denoiser = new WindowDenoiser(pool, 2 ** 28, new FeatureCache(0), { ...device, bytes: 2 ** 28 });
    const [bundle] = given.networks.values();
    if (bundle === undefined) throw new Error('No bundle');
    const request = {
      ...{ lambda: 1, also: [], errors: false, neighbors: [], irradiance: false },
      ...{ prefilter: 'auto' as const, auxiliaries: false },
    };
    for (let turn = 0; turn < 2; turn++) {
      const { report } = await denoiser.denoise(frameOf(16, 16), bundle.manifest, request);
      expect(report).toMatchObject({ device: 'cpu', executionProvider: 'cpu' });
    }
    expect(run).toHaveBeenCalledTimes(1);
    await Promise.all([pool.close(), device.pool.close()]);
  });
});
