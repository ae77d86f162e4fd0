import { beforeAll, describe, expect, it } from 'vitest';
import { type ModelBundle, ModelRepository } from '../../src/engine/model-repository.js';
import { onnxEngine } from '../../src/engine/onnx-engine.js';
import { DeviceNetwork } from '../../src/kpcn/device-network.js';
import { probeDevice } from '../../src/kpcn/device-probe.js';
import { KpcnNetwork } from '../../src/kpcn/network.js';
import { TINY_MODELS } from '../denoise/support.js';

let bundle: ModelBundle;
let host: KpcnNetwork;

beforeAll(async () => {
  bundle = (await ModelRepository.open(TINY_MODELS)).find();
  host = await KpcnNetwork.load(bundle, onnxEngine);
});

/** Joins windows, and changes what comes of it. */
class WrongJoin extends DeviceNetwork {
  constructor(private readonly change: (value: number) => number) {
    super(bundle, onnxEngine);
  }

  override async joinTile(...[task, tile, time]: Parameters<DeviceNetwork['joinTile']>): Promise<void> {
    await super.joinTile(task, tile, time);
    const { data } = task.denoised;
    data[7] = this.change(data[7] as number);
  }
}

describe('the probe of a device', () => {
  const probe = (device: DeviceNetwork) => {
    const { architecture } = bundle.manifest;
    return probeDevice(device, host, { encoder: 'cycles', architecture }, false);
  };

  it('finds that a device that computes right agrees with the CPU', async () => {
    const { error, deviceSeconds } = await probe(new DeviceNetwork(bundle, onnxEngine));
    expect(error).toBeLessThan(1e-4);
    expect(error).toBeGreaterThan(0);
    expect(deviceSeconds).toBe(0);
  });

  it('finds a single wrong value of a window', async () => {
    expect((await probe(new WrongJoin((value) => value + 0.5))).error).toBeGreaterThan(0.1);
    expect((await probe(new WrongJoin(() => Number.NaN))).error).toBeNaN();
  });
});
