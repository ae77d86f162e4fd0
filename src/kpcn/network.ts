import type { Engine, Tensor } from '../engine/engine.js';
import { loadModules, type RunModule } from '../engine/load-modules.js';
import type { ModelManifest } from '../engine/model-manifest.js';
import type { ModelBundle } from '../engine/model-repository.js';

/** log10 of lambda, [1,1,h/2,w/2], and memory for the features that it specializes; undefined stands for lambda = 1. */
export type Specialization = { readonly logLambda: Tensor; readonly specialized: Tensor } | undefined;

/**
 * The multi-scale denoiser of Vogels et al. 2018, one method for each figure, with the module names of
 * `training/quietframe_training/network.py`. Tensors are [1,C,h,w] (NCHW); `h/2` marks half resolution, where everything
 * behind the source encoder runs. The last parameters of a method are written. Which tiles it runs on and what it costs is
 * `tile-runner.ts`. What is no network: kernels are applied by `kernel-apply.ts` (equations 3 and 4), frames fused by
 * `temporal-fusion.ts` or `joint-kernels.ts` (figure 3), and scales blended by `scale-compositor.ts` (equation 5).
 */
export class KpcnNetwork {
  private constructor(
    readonly manifest: ModelManifest,
    private readonly run: RunModule,
  ) {}

  /** @throws QuietframeError `model-damaged` when a module does not load. */
  static async load(bundle: ModelBundle, engine: Engine): Promise<KpcnNetwork> {
    return new KpcnNetwork(bundle.manifest, await loadModules(bundle, engine));
  }

  /**
   * Figure 2, left: the source encoder of a renderer brings its inputs `x` [1,13,h,w] into a common form; residual blocks
   * make spatial features of it. `detail` [1,D,h/2,w/2] keeps full-resolution pixels as channels.
   */
  async encode(x: Tensor, source: string, features: Tensor, detail: Tensor): Promise<void> {
    await this.run(`source_encoder.${source}`, { x }, { features, detail });
  }

  async extractSpatialFeatures(features: Tensor, spatial: Tensor): Promise<void> {
    await this.run('spatial_features', { features }, { spatial });
  }

  /** What kernels compare pixels by: the affinity of p and q is -|embedding(p) - embedding(q)|^2. */
  async embed(spatial: Tensor, detail: Tensor, embedding: Tensor): Promise<void> {
    await this.run('kernel_embedding', { spatial, detail }, { embedding });
  }

  /** Figure 8, section 4.3: features for an asymmetric loss of slope lambda (equation 6); unchanged where lambda is 1. */
  async specialize(spatial: Tensor, lambda: Specialization): Promise<Tensor> {
    if (lambda === undefined) return spatial;
    const { logLambda, specialized } = lambda;
    await this.run('loss_specialization', { spatial, log_lambda: logLambda }, { specialized });
    return specialized;
  }

  /** Figure 2, right: what the softmax kernel of each pixel is made of (equations 3 and 4). */
  async predictKernels(
    spatial: Tensor,
    detail: Tensor,
    lambda: Specialization,
    kernels: Tensor,
  ): Promise<void> {
    const specialized = await this.specialize(spatial, lambda);
    await this.run('kernel_predictor', { spatial: specialized, detail }, { kernel_features: kernels });
  }

  /** Figure 3, left: features of a window, from the center's and the warped differences of the other frames. */
  async extractTemporalFeatures(spatial: Tensor, differences: Tensor, temporal: Tensor): Promise<void> {
    await this.run('temporal_features', { spatial, differences }, { temporal });
  }

  /** Figure 3, right: the kernels of the other frames. */
  async predictNeighbors(temporal: Tensor, lambda: Specialization, kernels: Tensor): Promise<void> {
    const specialized = await this.specialize(temporal, lambda);
    await this.run('neighbor_predictor', { temporal: specialized }, { neighbor_features: kernels });
  }

  /** Figure 4: alpha of equation 5, [1,1,h,w], by which a level and the upscaled coarser one are blended. */
  async predictBlendWeight(fine: Tensor, coarse: Tensor, blendWeight: Tensor): Promise<void> {
    await this.run('scale_compositor', { fine, coarse }, { blend_weight: blendWeight });
  }
}
