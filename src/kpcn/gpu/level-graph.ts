import type { Architecture } from '../../engine/model-manifest.js';
import type { ModelBundle } from '../../engine/model-repository.js';
import { OnnxGraph, type Value } from '../../engine/onnx-graph.js';
import { texture } from './albedo-gain-graph.js';
import { BANDS, BLOCK, BLOCK_PIXELS, BlockLayout } from './block-layout.js';

/** Which of the modules of a bundle a graph has. */
export interface LevelGraphOptions {
  /** The source encoder. */
  readonly encoder: string;
  /** Whether planes 3 to 5 are the albedo, with whose texture the colour is given back its own. */
  readonly hasAlbedo: boolean;
  /** Whether there is a map of lambda. */
  readonly hasLambda: boolean;
}
/** Logit of taps beyond the kernel: its exponential is 0. */
const OUTSIDE = -1e4;
/** Colour and albedo. */
const MIN_PLANES = 6;

/**
 * One ONNX graph of everything that is done to an area of a level of a single frame: source encoder, spatial features, loss
 * specialization, kernel predictor, and the kernels' logits, softmax (equation 4 of Vogels et al. 2018) and application
 * (equation 3) as matrix products. It is made of the modules of the bundle, so that any bundle can run on a device, and uses
 * only operations that ONNX Runtime's WebGPU, CUDA and TensorRT providers have. Inputs and outputs are
 *
 *     x           [1,13,h,w]      features of the pixels, see ComponentFeatures; h and w even
 *     planes      [1,P,h,w]       colour 3, albedo 3 if there is one, further planes
 *     log_lambda  [1,1,h/2,w/2]   with `hasLambda`
 *     filtered    [1,P,h,w]       the planes after the kernels
 *     texture     [1,3,h,w]       with `hasAlbedo`: what the albedo gate multiplies filtered colours by
 *
 * and, for windows, what the level is for other frames:
 *
 *     gate              [1,1,h,w]      the albedo gate
 *     spatial           [1,F,h/2,w/2]  features, those for lambda = 1
 *     coarse_embedding  [1,E,h/2,w/2]  means of the embedding of cells
 *
 * It computes what `KernelApply` does, by other means. The logit of tap q of pixel p is
 *
 *     b_t + W_t . context_p - bandwidth_p (|e_q|^2 - 2 e_p . e_q) + what is the same for all taps of p,
 *
 * two products: of the context of the pixels with the taps, and of (2 bandwidth e_p, -bandwidth) with (e_q, |e_q|^2). Pixels
 * come in blocks of 4 x 4, whose windows of 21 x 21 taps lie within the same 6 x 6 blocks of keys; taps outside a pixel's own
 * window have a logit of -10000. The result is the product of the softmax with the planes in those blocks.
 */
export function levelGraph(bundle: ModelBundle, options: LevelGraphOptions): Uint8Array {
  const { architecture } = bundle.manifest;
  const { kernelSize, contextChannels, embeddingChannels } = architecture;
  const graph = new OnnxGraph();
  const x = graph.input('x', [1, architecture.inputChannels, 'height', 'width']);
  const planes = graph.input('planes', [1, 'planes', 'height', 'width']);
  const cells = kernelCells(graph, bundle, options, x);

  const parts = graph.split('Split', [cells.kernels, graph.integers(4 * contextChannels, 4, 4)], 3, {
    axis: 1,
  });
  const [context, bandwidth, gate] = parts as [Value, Value, Value];
  const embedding = centered(graph, cells.embedding, embeddingChannels);
  const layout = new BlockLayout(graph, context, kernelSize);
  const contexts = layout.contexts(graph.op('Relu', [context]), contextChannels);
  const queries = layout.queries(
    affinityQueries(graph, embedding, bandwidth, embeddingChannels),
    embeddingChannels + 1,
  );
  const keys = layout.keys(affinityKeys(graph, embedding, embeddingChannels), embeddingChannels + 1);
  const bands = {
    contexts: layout.bands(contexts, 1),
    keys: layout.bands(keys, 0),
    samples: layout.bands(layout.samples(planes), 0),
  };
  const taps = graph.constant(
    [BLOCK_PIXELS, 1, contextChannels + 1, layout.taps],
    blockTaps(floats(bundle.files.kernel_logits), kernelSize, contextChannels),
  );
  const filteredBands = layout.bands(queries, 0).map((query, band) => {
    const affinity = graph.op('MatMul', [query, layout.columns(bands.keys[band] as Value, 3)]);
    const positional = graph.op('MatMul', [bands.contexts[band] as Value, taps]);
    const logits = graph.op('Add', [affinity, graph.op('Transpose', [positional], { perm: [1, 2, 0, 3] })]);
    const weights = graph.op('Softmax', [logits], { axis: 3 });
    return graph.op('MatMul', [weights, layout.columns(bands.samples[band] as Value, 2)]);
  });
  const filtered = layout.picture(graph.op('Concat', filteredBands, { axis: 0 }), planes);
  graph.output('filtered', filtered, [1, 'planes', 'height', 'width']);
  const gates = graph.op('DepthToSpace', [graph.op('Sigmoid', [gate])], { blocksize: 2, mode: 'CRD' });
  graph.output('gate', gates, [1, 1, 'height', 'width']);
  graph.output('spatial', cells.spatial, [1, architecture.featureChannels, 'half_height', 'half_width']);
  const means = embeddingMeans(graph, cells.embedding, embeddingChannels);
  graph.output('coarse_embedding', means, [1, embeddingChannels, 'half_height', 'half_width']);
  if (options.hasAlbedo) {
    graph.output('texture', texture(graph, planes, filtered, gates), [1, 3, 'height', 'width']);
  }
  return graph.file();
}

/**
 * Bytes on the device for each pixel of an area: its features, keys and samples with those above and below, and in a band
 * the taps of every pixel, logits four times.
 */
export function graphBytesPerPixel(architecture: Architecture): number {
  const { inputChannels, featureChannels, contextChannels, embeddingChannels } = architecture;
  const reach = Math.ceil((architecture.kernelSize + BLOCK - 1) / BLOCK);
  const sampled = embeddingChannels + 1 + MIN_PLANES;
  const features = inputChannels + 1.5 * featureChannels + 3 * (contextChannels + 2 + embeddingChannels);
  const band = (reach ** 2 * sampled + 4 * (reach * BLOCK) ** 2) / BANDS;
  return Float32Array.BYTES_PER_ELEMENT * (features + 2 * reach * sampled + band);
}

/** Features, kernel features and embedding at half resolution, the last two before activations. */
function kernelCells(
  graph: OnnxGraph,
  { manifest, files }: ModelBundle,
  { encoder, hasLambda }: LevelGraphOptions,
  x: Value,
): { readonly spatial: Value; readonly kernels: Value; readonly embedding: Value } {
  const { contextChannels, embeddingChannels } = manifest.architecture;
  const run = (module: string, inputs: Readonly<Record<string, Value>>): Record<string, Value> =>
    graph.include(module, files[module] ?? new Uint8Array(), inputs);
  const { features, detail } = run(`source_encoder.${encoder}`, { x }) as Record<
    'features' | 'detail',
    Value
  >;
  const details = graph.split(
    'Split',
    [detail, graph.integers(4 * (contextChannels + 2), 4 * embeddingChannels)],
    2,
    { axis: 1 },
  );
  const [kernelDetail, embeddingDetail] = details as [Value, Value];
  const { spatial } = run('spatial_features', { features }) as Record<'spatial', Value>;
  const { embedding } = run('kernel_embedding', { spatial, detail: embeddingDetail });
  let specialized = spatial;
  if (hasLambda) {
    const logLambda = graph.input('log_lambda', [1, 1, 'half_height', 'half_width']);
    ({ specialized } = run('loss_specialization', { spatial, log_lambda: logLambda }) as {
      specialized: Value;
    });
  }
  const { kernel_features: kernels } = run('kernel_predictor', {
    spatial: specialized,
    detail: kernelDetail,
  });
  return { spatial, kernels: kernels as Value, embedding: embedding as Value };
}

/** Means of the embeddings of the pixels of each cell, [1,E,h/2,w/2]. */
function embeddingMeans(graph: OnnxGraph, embedding: Value, channels: number): Value {
  const pixels = graph.op('Reshape', [embedding, graph.integers(channels, 4, 0, 0)]);
  const means = graph.op('ReduceMean', [pixels, graph.integers(1)], { keepdims: 1 });
  return graph.op('Reshape', [means, graph.integers(1, channels, 0, -1)]);
}

/** The embedding without its mean over the area, which changes no distance and keeps the products of the affinity small. */
function centered(graph: OnnxGraph, embedding: Value, channels: number): Value {
  const planes = graph.op('Reshape', [embedding, graph.integers(channels, 4, 0, 0)]);
  const mean = graph.op('ReduceMean', [planes, graph.integers(1, 2, 3)], { keepdims: 1 });
  return graph.op('Sub', [planes, mean]);
}

/** (2 bandwidth e, -bandwidth) in cells [1,4(E+1),h/2,w/2], of embeddings [E,4,h/2,w/2] and the bandwidth before softplus. */
function affinityQueries(graph: OnnxGraph, embedding: Value, bandwidth: Value, channels: number): Value {
  const positive = graph.op('Softplus', [bandwidth]);
  const scaled = graph.op('Mul', [embedding, graph.op('Add', [positive, positive])]);
  const both = graph.op('Concat', [scaled, graph.op('Neg', [positive])], { axis: 0 });
  return graph.op('Reshape', [both, graph.integers(1, 4 * (channels + 1), 0, 0)]);
}

/** (e, |e|^2) of pixels [1,E+1,h,w]. */
function affinityKeys(graph: OnnxGraph, embedding: Value, channels: number): Value {
  const cells = graph.op('Reshape', [embedding, graph.integers(1, 4 * channels, 0, 0)]);
  const pixels = graph.op('DepthToSpace', [cells], { blocksize: 2, mode: 'CRD' });
  const squares = graph.op('Mul', [pixels, pixels]);
  const length = graph.op('ReduceSum', [squares, graph.integers(1)], { keepdims: 1 });
  return graph.op('Concat', [pixels, length], { axis: 1 });
}

/**
 * The layer of logits for every pixel of a block, [16][C+1][taps], from [K*K][C+1]; taps are in the order of
 * {@link BlockLayout.keys}, block column, block row, row and column within. Taps outside the pixel's window are out.
 */
function blockTaps(logits: Float32Array, kernelSize: number, contextChannels: number): Float32Array {
  const channels = contextChannels + 1;
  const side = Math.ceil((kernelSize + BLOCK - 1) / BLOCK) * BLOCK;
  const result = new Float32Array(BLOCK_PIXELS * channels * side ** 2);
  for (let pixel = 0; pixel < BLOCK_PIXELS; pixel++) {
    const [top, left] = [Math.floor(pixel / BLOCK), pixel % BLOCK];
    for (let y = 0; y < side; y++) {
      for (let x = 0; x < side; x++) {
        const block = Math.floor(x / BLOCK) * (side / BLOCK) + Math.floor(y / BLOCK);
        const tap = block * BLOCK_PIXELS + (y % BLOCK) * BLOCK + (x % BLOCK);
        const [dy, dx] = [y - top, x - left];
        const inside = Math.min(dy, dx) >= 0 && Math.max(dy, dx) < kernelSize;
        for (let c = 0; c < channels; c++) {
          const outside = c === contextChannels ? OUTSIDE : 0;
          const value = inside ? (logits[(dy * kernelSize + dx) * channels + c] as number) : outside;
          result[(pixel * channels + c) * side ** 2 + tap] = value;
        }
      }
    }
  }
  return result;
}

function floats(file: Uint8Array | undefined): Float32Array {
  return new Float32Array(new Uint8Array(file ?? []).buffer);
}
