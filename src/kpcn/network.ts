import { type Engine, type NetworkModule, type Tensor, TensorMemory } from '../engine/engine.js';
import type { ModelManifest } from '../engine/model-manifest.js';
import type { ModelBundle } from '../engine/model-repository.js';
import type { Simd } from '../engine/wasm-build.js';
import { downsample } from '../image/pyramid.js';
import { grow, type Tile } from '../image/tile.js';
import { ComponentFeatures } from './features.js';
import { KernelApply } from './kernel-apply.js';
import { COLOR_CHANNELS, type Level } from './picture.js';
import { coarserTile, composite, exposedColor } from './scale-compositor.js';

/** Told how long a part of the network ran, in milliseconds. */
export type Stopwatch = (
  part: 'features' | 'network' | 'kernels' | 'compositing',
  milliseconds: number,
) => void;

/**
 * The single-frame multi-scale network of Vogels et al. 2018. A picture is denoised in three steps, each for all tiles
 * before the next begins: `coarsen` builds the pyramid, `denoiseTile` filters the tiles of all levels (figure 2), and
 * `compositeTile` joins the levels from coarse to fine (figure 4).
 */
export class KpcnNetwork {
  private readonly memory = new TensorMemory();
  private readonly componentFeatures = new ComponentFeatures();

  private constructor(
    private readonly manifest: ModelManifest,
    private readonly sourceEncoders: ReadonlyMap<string, NetworkModule>,
    private readonly spatialFeatures: NetworkModule,
    private readonly kernelPredictor: NetworkModule,
    private readonly kernelApply: KernelApply,
    private readonly scaleCompositor: NetworkModule,
  ) {}

  /** @throws QuietframeError `model-damaged` when a module does not load. */
  static async load({ manifest, files }: ModelBundle, engine: Engine): Promise<KpcnNetwork> {
    const file = (name: string): Uint8Array => files[name] ?? new Uint8Array();
    const load = (name: string): Promise<NetworkModule> => engine.load(name, file(name));
    const encoders = new Map<string, NetworkModule>();
    for (const source of manifest.sources) encoders.set(source, await load(`source_encoder.${source}`));
    const { kernelSize, contextChannels, embeddingChannels } = manifest.architecture;
    const data = new Float32Array(new Uint8Array(file('kernel_logits')).buffer);
    return new KpcnNetwork(
      manifest,
      encoders,
      await load('spatial_features'),
      await load('kernel_predictor'),
      new KernelApply({ kernelSize, contextChannels, embeddingChannels, data }),
      await load('scale_compositor'),
    );
  }

  /** The build of the kernels that runs. */
  get simd(): Simd {
    return this.kernelApply.simd;
  }

  /** Figure 2: features of a tile, its kernels, and what they make of its radiance. */
  async denoiseTile(
    level: Level,
    encoder: string,
    exposure: number,
    tile: Tile,
    time: Stopwatch,
  ): Promise<void> {
    const area = grow(tile, tileOverlap(this.manifest), level.width, level.height);
    const x = await timed(time, 'features', () => this.componentFeatures.compute(level, area, exposure));
    const kernelFeatures = this.kernelApply.reserve(area, level.radiance.channels);
    await timed(time, 'network', () => this.predictKernels(encoder, x, kernelFeatures.tensor));
    await timed(time, 'kernels', () =>
      this.kernelApply.apply(kernelFeatures, level.radiance, level.denoised, tile),
    );
  }

  private async predictKernels(encoder: string, x: Tensor, kernelFeatures: Tensor): Promise<void> {
    const sourceEncoder = this.sourceEncoders.get(encoder);
    if (sourceEncoder === undefined) throw new TypeError(`The model has no encoder ${encoder}`);
    const { featureChannels } = this.manifest.architecture;
    const [, headChannels, height, width] = kernelFeatures.shape;
    const features = this.memory.tensor('features', featureChannels, height, width);
    const detail = this.memory.tensor('detail', headChannels, height, width);
    await sourceEncoder.run({ x }, { features, detail });
    // In place of the input, which has done its part and is larger.
    const spatial = { data: x.data.subarray(0, features.data.length), shape: features.shape };
    await this.spatialFeatures.run({ features }, { spatial });
    await this.kernelPredictor.run({ spatial, detail }, { kernel_features: kernelFeatures });
  }

  /** Figure 4, right: the blend weight of a tile, and the tile joined with the coarser level, which is complete. */
  async compositeTile(
    fine: Level,
    coarse: Level,
    exposure: number,
    tile: Tile,
    time: Stopwatch,
  ): Promise<void> {
    await timed(time, 'compositing', async () => {
      const overlap = even(this.manifest.receptiveRadius.compositor);
      const area = grow(tile, overlap, fine.width, fine.height);
      const { width, height } = area;
      const pair = {
        fine: this.memory.tensor('fine', COLOR_CHANNELS, height, width),
        coarse: this.memory.tensor('coarse', COLOR_CHANNELS, height / 2, width / 2),
      };
      exposedColor(fine.denoised, area, exposure, pair.fine);
      exposedColor(coarse.composited, coarserTile(area), exposure, pair.coarse);
      const blendWeight = this.memory.tensor('blend_weight', 1, height, width);
      await this.scaleCompositor.run(pair, { blend_weight: blendWeight });
      const { data } = blendWeight;
      composite(fine.denoised, coarse.composited, { area, data }, fine.composited, tile);
    });
  }
}

/** How the rasters of a level become those of the next: the variance of a mean of four is a quarter. */
const DOWNSAMPLED = [
  { name: 'radiance', scale: 1 },
  { name: 'colorVariance', scale: 1 / 4 },
  { name: 'albedo', scale: 1 },
  { name: 'albedoVariance', scale: 1 / 4 },
  { name: 'normal', scale: 1 },
  { name: 'normalVariance', scale: 1 / 4 },
] as const satisfies readonly { name: keyof Level; scale: number }[];

/** Rows `begin` to `end` of the finest level, multiples of 2^(levels - 1), in all coarser levels. */
export function coarsen(levels: readonly Level[], begin: number, end: number): void {
  for (let l = 1; l < levels.length; l++) {
    const fine = levels[l - 1] as Level;
    const coarse = levels[l] as Level;
    for (const { name, scale } of DOWNSAMPLED) {
      const [from, to] = [fine[name], coarse[name]];
      if (from !== undefined && to !== undefined) downsample(from, to, begin / 2 ** l, end / 2 ** l, scale);
    }
  }
}

/** Pixels around a tile that its kernels depend on: their embeddings, and what those were made of. */
export function tileOverlap({ architecture, receptiveRadius }: ModelManifest): number {
  return even(receptiveRadius.features + (architecture.kernelSize >> 1));
}

/**
 * Bytes that denoising a tile takes for each pixel of the tile with its overlap: input, detail and kernel features at our
 * place and at the engine's, feature maps; twice that, because allocators keep as much for the next module.
 */
export function tileBytesPerPixel({ architecture }: ModelManifest): number {
  const { inputChannels, featureChannels, contextChannels, embeddingChannels } = architecture;
  const head = contextChannels + 1 + embeddingChannels;
  return 2 * Float32Array.BYTES_PER_ELEMENT * (2 * inputChannels + 3 * head + (3 * featureChannels) / 4);
}

/** Networks work on pairs of pixels. */
function even(pixels: number): number {
  return Math.ceil(pixels / 2) * 2;
}

async function timed<T>(
  time: Stopwatch,
  part: Parameters<Stopwatch>[0],
  run: () => T | Promise<T>,
): Promise<T> {
  const start = performance.now();
  try {
    return await run();
  } finally {
    time(part, performance.now() - start);
  }
}
