import type { Tensor } from '../engine/engine.js';
import type { ModelBundle } from '../engine/model-repository.js';
import type { Raster } from '../image/raster.js';
import { grow, type Tile } from '../image/region.js';
import { halved, type SingleFrameResult } from './frame-features.js';
import type { JoinedFrame } from './fusion-task.js';
import { type JointFeatures, JointKernels, type NoisyFrame } from './joint-kernels.js';
import type { KernelLogits } from './kernel-logits.js';
import type { KpcnNetwork } from './network.js';
import { NEIGHBOR_OFFSETS, WindowFeatures } from './temporal-features.js';
import { TemporalFusion } from './temporal-fusion.js';
import { hasJointKernels, joinOverlap } from './tile-cost.js';
import type { TileMemory } from './tile-memory.js';
import { type NeighborLevel, type Stopwatch, timed, type WindowTask } from './tile-tasks.js';

type OtherFrame = JoinedFrame & SingleFrameResult & NeighborLevel;

/** Planes of a kernel in another frame, as the network predicts them. */
const FUSION_PLANES = 4;

/** Figure 3 of Vogels et al. 2018 on tiles: the frames of a window joined in the center. Not for use by two threads. */
export class WindowTiles {
  readonly #windowFeatures: WindowFeatures;
  readonly #fusion: TemporalFusion;
  /** Of networks whose kernels work on the noisy frames. */
  readonly #joint: JointKernels | undefined;

  constructor(
    private readonly network: KpcnNetwork,
    private readonly memory: TileMemory,
    { manifest }: ModelBundle,
    logits: KernelLogits,
  ) {
    const { architecture, constants } = manifest;
    const fusion = { kernelSize: architecture.neighborKernelSize, slots: NEIGHBOR_OFFSETS.length };
    this.#windowFeatures = new WindowFeatures(undefined, constants);
    this.#fusion = new TemporalFusion(fusion, undefined, constants);
    this.#joint = hasJointKernels(architecture) ? new JointKernels(logits, undefined, constants) : undefined;
  }

  /** A tile of the frames of a window joined in the center: factored, what their own kernels made of them, or jointly. */
  async fuse(task: WindowTask, tile: Tile, time: Stopwatch): Promise<void> {
    const { own, logLambda } = task;
    const overlap = joinOverlap(this.network.manifest, logLambda !== undefined);
    const area = grow(tile, overlap, own.width, own.height);
    if (this.#joint !== undefined) {
      await this.#fuseJointly(this.#joint, task, area, tile, time);
      return;
    }
    const kernels = this.#fusion.reserve(area, own.channels);
    const frames = framesOf(task);
    await this.#predict(task, frames, area, kernels, time);
    await timed(time, 'kernels', () => {
      const { estimate: center, exposure, colors, shares, denoised } = task;
      const target = { ...gateOf(task), ...{ center, own, colors, exposure }, ...(shares && { shares }) };
      this.#fusion.apply({ ...target, kernels: { area, tensor: kernels } }, frames, tile, denoised);
    });
  }

  /** What the factored kernels around pixels of the center are made of. */
  async explain(task: WindowTask, pixels: Tile) {
    const { own, logLambda } = task;
    const { manifest } = this.network;
    const area = grow(pixels, joinOverlap(manifest, logLambda !== undefined), own.width, own.height);
    const { height, width } = halved(area);
    const planes = 4 * FUSION_PLANES * NEIGHBOR_OFFSETS.length;
    const tensor = this.memory.tensor('explained_fusion', planes, height, width);
    const frames = framesOf(task);
    await this.#predict(task, frames, area, tensor, () => {});
    return { kernels: { area, tensor }, frames, size: manifest.architecture.neighborKernelSize };
  }

  async #fuseJointly(
    joint: JointKernels,
    task: WindowTask,
    area: Tile,
    tile: Tile,
    time: Stopwatch,
  ): Promise<void> {
    const { estimate, neighbors, colors, shares, denoised } = task;
    const features = joint.reserve(area, NEIGHBOR_OFFSETS.length + 1, denoised.channels);
    await this.#predict(task, framesOf(task), area, features, time);
    const others = neighbors.map(({ slot, motion, estimate: other }) => noisyFrame(other, slot, motion));
    await timed(time, 'kernels', () => {
      const frames = [noisyFrame(estimate, NEIGHBOR_OFFSETS.length), ...others] as const;
      const joined = { frames, ...gateOf(task), colors, ...(shares && { shares }) };
      joint.apply(joined, features, tile, denoised);
    });
  }

  /** What the kernels in the frames are made of, for an area of the center. */
  async #predict(
    { spatial: features, kernelDetail, estimate, exposure, logLambda }: WindowTask,
    frames: readonly OtherFrame[],
    area: Tile,
    kernels: Tensor | JointFeatures,
    time: Stopwatch,
  ): Promise<void> {
    const cells = halved(area);
    const spatial = this.memory.cellsOf('spatial', features, cells);
    const differences = await timed(time, 'features', () =>
      this.#windowFeatures.differences(estimate, frames, { area: cells, exposure }),
    );
    await timed(time, 'network', async () => {
      const temporal = this.memory.tensor('temporal', features.channels, cells.height, cells.width);
      const lambda = this.memory.lambdaOf(temporal, area, logLambda);
      await this.network.extractTemporalFeatures(spatial, differences, temporal);
      if ('shape' in kernels) {
        await this.network.predictNeighbors(temporal, lambda, kernels);
        return;
      }
      if (kernelDetail === undefined) throw new TypeError('The detail of the frame was not kept');
      const detail = this.memory.cellsOf('kernel_detail', kernelDetail, cells);
      await this.network.predictKernels(temporal, detail, lambda, kernels.kernel);
      await this.network.predictNeighbors(temporal, lambda, kernels.changes);
    });
  }
}

function framesOf({ neighbors }: WindowTask): OtherFrame[] {
  return neighbors.map((neighbor) => ({ ...neighbor.estimate, ...neighbor }));
}

/** Irradiance has no albedo in it. */
function gateOf({ estimate, irradiance }: WindowTask): { readonly gate?: Raster } {
  return estimate.albedo !== undefined && !irradiance ? { gate: estimate.gate } : {};
}

/** @throws TypeError when nothing of the noisy frame was kept. */
function noisyFrame(
  { radiance, embedding, albedo }: SingleFrameResult,
  slot: number,
  motion?: Raster,
): NoisyFrame {
  if (radiance === undefined || embedding === undefined) throw new TypeError('The noisy frame was not kept');
  return { slot, light: radiance, embedding, ...(albedo && { albedo }), ...(motion && { motion }) };
}
