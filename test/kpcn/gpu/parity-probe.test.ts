import { beforeAll, describe, expect, it } from 'vitest';
import { type ModelBundle, ModelRepository } from '../../../src/engine/model-repository.js';
import { onnxEngine } from '../../../src/engine/onnxruntime/onnx-engine.js';
import { GpuNetwork } from '../../../src/kpcn/gpu/gpu-network.js';
import { probeParity } from '../../../src/kpcn/gpu/parity-probe.js';
import { TileRunner } from '../../../src/kpcn/tile-runner.js';
import { TINY_MODELS } from '../../denoise/support.js';

let bundle: ModelBundle;
let host: TileRunner;

beforeAll(async () => {
  bundle = (await ModelRepository.open(TINY_MODELS)).find();
  host = await TileRunner.load(bundle, onnxEngine);
});

/** Joins windows, and changes what comes of it. */
class WrongJoin extends GpuNetwork {
  constructor(private readonly change: (value: number) => number) {
    super(bundle, onnxEngine);
  }

  override async fuseTile(...[task, tile, time]: Parameters<GpuNetwork['fuseTile']>): Promise<void> {
    await super.fuseTile(task, tile, time);
    const { data } = task.denoised;
    data[7] = this.change(data[7] as number);
  }
}

describe('the probe of a device', () => {
  const probe = (device: GpuNetwork) => {
    const { architecture } = bundle.manifest;
    return probeParity(device, host, { encoder: 'cycles', architecture }, false);
  };

  it('finds that a device that computes right agrees with the CPU', async () => {
    const { error, deviceSeconds } = await probe(new GpuNetwork(bundle, onnxEngine));
    expect(error).toBeLessThan(1e-4);
    expect(error).toBeGreaterThan(0);
    expect(deviceSeconds).toBe(0);
  });

  it('says that a model without graphs cannot run on a device', async () => {
    const { frame_graph: _, window_graph: __, ...files } = bundle.files;
    await expect(probe(new GpuNetwork({ ...bundle, files }, onnxEngine))).rejects.toMatchObject({
      code: 'device-unavailable',
      message: 'Expected a model with graphs for GPUs for device but received "kpcn@1"',
    });
  });

  it.each([{ albedoEpsilon: 0.5 }, { maxAlbedoRatio: 1.01 }, { guideScale: 1 }])(
    'finds constants of the CPU that are not those of the graphs: %j',
    async (constants) => {
      const { architecture, ...rest } = bundle.manifest;
      const manifest = { ...rest, architecture, constants: { ...rest.constants, ...constants } };
      const other = await TileRunner.load({ ...bundle, manifest }, onnxEngine);
      const device = new GpuNetwork(bundle, onnxEngine);
      const { error } = await probeParity(device, other, { encoder: 'cycles', architecture }, false);
      expect(error).toBeGreaterThan(1e-3);
    },
  );

  it('finds a single wrong value of a window', async () => {
    expect((await probe(new WrongJoin((value) => value + 0.5))).error).toBeGreaterThan(0.1);
    expect((await probe(new WrongJoin(() => Number.NaN))).error).toBeNaN();
  });
});
