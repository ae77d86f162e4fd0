/** Widths and depths of a network; see docs/architecture.md. */
export interface Architecture {
  readonly inputChannels: number;
  readonly featureChannels: number;
  readonly blocks: number;
  readonly contextChannels: number;
  readonly embeddingChannels: number;
  /** Side of the kernels in pixels, odd. */
  readonly kernelSize: number;
  readonly levels: number;
  readonly compositorChannels: number;
  /** Frames that a result is made from, the frame itself in the middle. */
  readonly windowSize: number;
  readonly temporalBlocks: number;
  /**
   * Side of the kernels in the other frames in pixels, odd. Small ones are applied to what the frames' own kernels have made of
   * them; as large as `kernelSize`, to the noisy frames, as in figure 3 of Vogels et al. 2018.
   */
  readonly neighborKernelSize: number;
  /** Residual blocks at a quarter of the resolution; 0 for a network without that branch. */
  readonly quarterBlocks: number;
  readonly quarterChannels: number;
  /** Channels of the hidden layer of an encoder's detail; 0 for a single convolution. */
  readonly detailHiddenChannels: number;
}

/** How far, in pixels of a level, the output of a stage depends on its input, on every side. */
export interface ReceptiveRadius {
  /** Kernel features of a frame, on the frame. */
  readonly features: number;
  readonly compositor: number;
  /** Features that know the other frames, on the features of each frame. */
  readonly temporal: number;
  /** Features for a lambda, on those for 1. */
  readonly specialization: number;
}

/** Constants of the formulas around the modules. Training writes them; both sides must agree. */
export interface NetworkConstants {
  /** Added to albedos before the gate divides them, above 0. */
  readonly albedoEpsilon: number;
  /** The gate's ratio of albedos is within [1 / this, this]. */
  readonly maxAlbedoRatio: number;
  /** Logarithms of light and albedos of two frames, as guides, are compared times this. */
  readonly guideScale: number;
}

/** Of bundles whose manifest names none. */
export const NETWORK_CONSTANTS: NetworkConstants = { albedoEpsilon: 0.01, maxAlbedoRatio: 8, guideScale: 8 };

/** How many times its variance noise may have changed a buffer by before the prefilter's change is taken back. */
export interface PrefilterConstants {
  /** For measured variances: those of two halves are uncertain. */
  readonly explainedNoise: number;
  /** For estimated variances, which are mostly structure where buffers are clean. */
  readonly explainedEstimate: number;
}

/** Of bundles whose manifest names none. */
export const PREFILTER_CONSTANTS: PrefilterConstants = { explainedNoise: 2, explainedEstimate: 0.1 };

/** ONNX modules that every bundle has, besides an encoder for each source, in the order of the paper's figures. */
export const NETWORK_MODULES = [
  ...['spatial_features', 'kernel_embedding', 'loss_specialization', 'kernel_predictor', 'temporal_features'],
  ...['neighbor_predictor', 'scale_compositor'],
];

/** One file of a bundle. */
export interface ModuleFile {
  readonly file: string;
  readonly sha256: string;
  /** Of raw float32 tensors. */
  readonly shape?: readonly number[];
}

/** The network that predicts what error is left in a denoised picture. */
export interface ErrorPredictorManifest {
  /** Planes of its output. */
  readonly errorChannels: readonly ['SMAPE', 'DSSIM'];
  /** Pixels on which its output depends, on every side. */
  readonly receptiveRadius: number;
  /** Mean errors fall with the samples n as n^-decay, in (0, 1]; measured on validation scenes. */
  readonly decay: number;
}

/** The network that takes the noise out of albedo and normals; see {@link Architecture} for the numbers that both have. */
export interface AuxiliaryPrefilterManifest extends PrefilterConstants {
  readonly featureChannels: number;
  readonly blocks: number;
  readonly contextChannels: number;
  readonly embeddingChannels: number;
  /** Side of the kernels in pixels, odd. */
  readonly kernelSize: number;
  readonly levels: number;
  /** Pixels of a level that the kernel features depend on, on every side. */
  readonly receptiveRadius: number;
}

/** The description of a bundle, `model.json`. */
export interface ModelManifest {
  readonly formatVersion: 4;
  readonly name: string;
  readonly version: number;
  readonly description: string;
  readonly license: string;
  readonly architecture: Architecture;
  readonly receptiveRadius: ReceptiveRadius;
  readonly constants: NetworkConstants;
  /** Render sources with an encoder of their own. */
  readonly sources: readonly string[];
  readonly modules: Readonly<Record<string, ModuleFile>>;
  /** Where the bundle has a module `error_predictor`. */
  readonly errorPredictor?: ErrorPredictorManifest;
  /** Where the bundle has a module `auxiliary_prefilter` and its logits. */
  readonly auxiliaryPrefilter?: AuxiliaryPrefilterManifest;
  /** How the model was trained; free form. */
  readonly training: Readonly<Record<string, unknown>>;
}
