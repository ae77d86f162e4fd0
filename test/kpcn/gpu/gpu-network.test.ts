import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { type ModelBundle, ModelRepository } from '../../../src/engine/model-repository.js';
import { onnxEngine } from '../../../src/engine/onnxruntime/onnx-engine.js';
import { type Raster, raster, SharedRasters } from '../../../src/image/raster.js';
import { allocateFramePyramid, type Level } from '../../../src/kpcn/frame-pyramid.js';
import { GpuNetwork } from '../../../src/kpcn/gpu/gpu-network.js';
import { TileRunner } from '../../../src/kpcn/tile-runner.js';
import { frameOf, noise } from '../../denoise/support.js';
import { largestError } from '../../support/closeness.js';

const ignore = (): void => undefined;

describe.each(['test/golden/tiny-bundle', 'models'])('the graph of levels of %s', (models) => {
  let bundle: ModelBundle;
  let host: TileRunner;
  let device: GpuNetwork;

  beforeAll(async () => {
    const folder = fileURLToPath(new URL(`../../../${models}`, import.meta.url));
    bundle = (await ModelRepository.open(folder)).find('kpcn');
    host = await TileRunner.load(bundle, onnxEngine);
    device = new GpuNetwork(bundle, onnxEngine);
  });

  async function compare(
    size: { width: number; height: number },
    options: { encoder?: string; irradiance?: boolean; lambda?: boolean; also?: Raster[]; tile?: Level } = {},
  ): Promise<number> {
    const { encoder = 'cycles', irradiance = false, also = [] } = options;
    const { source: _, varianceOrigin: __, ...buffers } = frameOf(size.width, size.height);
    const inputs =
      encoder === 'color' ? { color: buffers.color, colorVariance: buffers.colorVariance } : buffers;
    const run = async (network: TileRunner | GpuNetwork): Promise<Raster> => {
      const picture = allocateFramePyramid({ ...inputs, encoder }, also, 1, new SharedRasters(), irradiance);
      const level = picture.levels[0] as Level;
      const { width, height } = level;
      const logLambda = raster(width / 2, height / 2, 1, noise(width / 2, height / 2, 1, 0.5).data);
      const task = { level, irradiance, colors: picture.colors, ...(options.lambda && { logLambda }) };
      const tiles = [
        { x: 0, y: 0, width, height: height / 2 - ((height / 2) % 2) },
        { x: 0, y: height / 2 - ((height / 2) % 2), width, height: height / 2 + ((height / 2) % 2) },
      ];
      const reading = { encoder, exposure: 0.7, irradiance };
      for (const tile of tiles) await network.denoiseTile(task, reading, tile, ignore);
      return level.denoised;
    };
    const wanted = await run(host);
    expect(new Set(wanted.data).size).toBeGreaterThan(wanted.data.length / 2);
    return largestError((await run(device)).data, wanted.data);
  }

  it.each([
    ['whole blocks', { width: 64, height: 96 }],
    ['blocks that the picture does not fill', { width: 62, height: 54 }],
    ['less than a kernel', { width: 10, height: 6 }],
    ['one cell', { width: 2, height: 2 }],
  ])('filters %s as the CPU does', async (_, size) => {
    expect(await compare(size)).toBeLessThan(1e-4);
  });

  it('filters with a map of lambda', async () => {
    expect(await compare({ width: 48, height: 40 }, { lambda: true })).toBeLessThan(1e-4);
  });

  it('filters irradiance, and frames without guides', async () => {
    const size = { width: 48, height: 40 };
    expect(await compare(size, { irradiance: true })).toBeLessThan(1e-4);
    expect(await compare(size, { encoder: 'color' })).toBeLessThan(1e-4);
  });

  it('filters further layers, those of colour with the texture of the albedo', async () => {
    const also = [noise(48, 40, 1), noise(48, 40, 3, 3), noise(48, 40, 2)];
    expect(await compare({ width: 48, height: 40 }, { also })).toBeLessThan(1e-4);
  });
});
