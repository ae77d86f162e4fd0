import type { Architecture } from '../../engine/model-manifest.js';
import type { ModelBundle } from '../../engine/model-repository.js';
import { OnnxGraph, type Value } from '../../engine/onnx-graph.js';
import { texture } from './albedo-gain-graph.js';

/** Which of the modules of a bundle a graph has. */
export interface LevelGraphOptions {
  /** The source encoder. */
  readonly encoder: string;
  /** Whether planes 3 to 5 are the albedo, with whose texture the colour is given back its own. */
  readonly hasAlbedo: boolean;
  /** Whether there is a map of lambda. */
  readonly hasLambda: boolean;
}

/** Side of a block of pixels whose kernels are computed together, and the same in cells of the half-resolution features. */
const BLOCK = 4;
const CELLS = BLOCK / 2;
const BLOCK_PIXELS = BLOCK ** 2;
/** Bands of rows that are worked on one after the other: only the logits of one exist at a time. */
const BANDS = 8;
/** Logit of taps beyond the kernel: its exponential is 0. */
const OUTSIDE = -1e4;
/** As no limit of a slice. */
const END = 2 ** 31 - 1;
/** Colour and albedo. */
const MIN_PLANES = 6;

/**
 * One ONNX graph of all that is done to an area of a level of a frame alone: source encoder, spatial features, loss specialization,
 * kernel predictor, and the kernels' logits, softmax and application as matrix products. It is made of the modules of the
 * bundle, so that any bundle can run on a device, and uses operations alone that ONNX Runtime's WebGPU, CUDA and TensorRT
 * providers have. Inputs and outputs are
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

/** How the pixels of an area, and what their kernels reach, lie in blocks; their numbers are known when the graph runs. */
class BlockLayout {
  /** Taps of a block: those of all its pixels. */
  readonly taps: number;
  readonly #radius: number;
  /** Blocks in a row that the windows of a block's pixels reach. */
  readonly #reach: number;
  /** Cells to add below and to the right, int64 [2]. */
  readonly #padding: Value;
  /** Blocks below and beside each other, int64 [1] each; then those of keys. */
  readonly #rows: Value;
  readonly #columns: Value;
  readonly #keyRows: Value;
  readonly #keyColumns: Value;

  /** @param cells any tensor [1,C,h/2,w/2]. */
  constructor(
    private readonly graph: OnnxGraph,
    cells: Value,
    kernelSize: number,
  ) {
    this.#radius = kernelSize >> 1;
    this.#reach = Math.ceil((kernelSize + BLOCK - 1) / BLOCK);
    this.taps = (this.#reach * BLOCK) ** 2;
    const size = graph.op('Shape', [cells], { start: 2, end: 4 });
    const negative = graph.op('Sub', [graph.integers(0, 0), size]);
    // Whole blocks, and as many rows of them in every band.
    this.#padding = graph.op('Mod', [negative, graph.integers(BANDS * CELLS, CELLS)]);
    const padded = graph.op('Add', [size, this.#padding]);
    const blocks = graph.op('Div', [padded, graph.integers(CELLS, CELLS)]);
    const more = graph.integers(this.#reach - 1, this.#reach - 1);
    [this.#rows, this.#columns] = this.#pair(blocks);
    [this.#keyRows, this.#keyColumns] = this.#pair(graph.op('Add', [blocks, more]));
  }

  /** Cells [1,4C,h/2,w/2] -> [16, rows, columns, C+1], the last of the channels 1. */
  contexts(cells: Value, channels: number): Value {
    const blocks = this.#blocks(cells, channels, 1);
    const first = this.graph.op('Transpose', [blocks], { perm: [4, 1, 6, 2, 3, 5, 0] });
    return this.#reshape(first, [BLOCK_PIXELS, this.#rows, this.#columns, channels + 1]);
  }

  /** Cells [1,4C,h/2,w/2] -> [rows, columns, 16, C]. */
  queries(cells: Value, channels: number): Value {
    const last = this.graph.op('Transpose', [this.#blocks(cells, channels, 0)], {
      perm: [3, 5, 4, 1, 6, 2, 0],
    });
    return this.#reshape(last, [this.#rows, this.#columns, BLOCK_PIXELS, channels]);
  }

  /** Pixels [1,C,h,w] -> what lies above and below a block as well, [rows, key columns, C, taps / reach]. */
  keys(pixels: Value, channels: number): Value {
    const blocks = this.#keyBlocks(pixels, channels);
    const transposed = this.graph.op('Transpose', [blocks], { perm: [1, 3, 0, 2, 4] });
    const shape = [this.#keyRows, this.#keyColumns, channels, BLOCK_PIXELS];
    return this.#unfold(this.#reshape(transposed, shape), 0, 3);
  }

  /** Pixels [1,P,h,w] -> [rows, key columns, taps / reach, P]. */
  samples(pixels: Value): Value {
    const transposed = this.graph.op('Transpose', [this.#keyBlocks(pixels, -1)], { perm: [1, 3, 2, 4, 0] });
    return this.#unfold(this.#reshape(transposed, [this.#keyRows, this.#keyColumns, BLOCK_PIXELS, -1]), 0, 2);
  }

  /** Bands of the rows of blocks, which are dimension `axis`. */
  bands(value: Value, axis: number): Value[] {
    return this.graph.split('Split', [value], BANDS, { axis, num_outputs: BANDS });
  }

  /** What lies left and right of blocks as well: [rows, key columns, ...] -> [rows, columns, ...], all taps in dimension `axis`. */
  columns(value: Value, axis: number): Value {
    return this.#unfold(value, 1, axis);
  }

  /** [rows, columns, 16, P] -> [1,P,h,w], of the size of `like`. */
  picture(blocks: Value, like: Value): Value {
    const { graph } = this;
    const split = this.#reshape(blocks, [this.#rows, this.#columns, BLOCK, BLOCK, -1]);
    const planar = graph.op('Transpose', [split], { perm: [4, 0, 2, 1, 3] });
    const side = graph.integers(BLOCK);
    const [height, width] = [this.#rows, this.#columns].map((count) => graph.op('Mul', [count, side]));
    const whole = this.#reshape(planar, [1, -1, height as Value, width as Value]);
    const size = graph.op('Shape', [like], { start: 2, end: 4 });
    return graph.op('Slice', [whole, graph.integers(0, 0), size, graph.integers(2, 3)]);
  }

  /** Whole blocks of cells, [C, 2, 2, rows, 2, columns, 2]: row and column in the cell, then the cell's in the block; with more channels that are 1. */
  #blocks(cells: Value, channels: number, ones: 0 | 1): Value {
    const { graph } = this;
    const pads = graph.op('Concat', [graph.integers(0, 0, 0, 0, 0, 4 * ones), this.#padding], { axis: 0 });
    const one = graph.constant([], new Float32Array([1]));
    const padded = graph.op('Pad', [cells, pads, one], { mode: 'constant' });
    return this.#reshape(padded, [channels + ones, 2, 2, this.#rows, CELLS, this.#columns, CELLS]);
  }

  /** The blocks that all kernels reach, [C, key rows, 4, key columns, 4]; the border of the picture repeats. */
  #keyBlocks(pixels: Value, channels: number): Value {
    const { graph } = this;
    const begin = this.#radius;
    const end = BLOCK * (this.#reach - 1) - begin;
    const double = graph.op('Add', [this.#padding, this.#padding]);
    const ends = graph.op('Add', [double, graph.integers(end, end)]);
    const pads = graph.op('Concat', [graph.integers(0, 0, begin, begin, 0, 0), ends], { axis: 0 });
    const padded = graph.op('Pad', [pixels, pads], { mode: 'edge' });
    return this.#reshape(padded, [channels, this.#keyRows, BLOCK, this.#keyColumns, BLOCK]);
  }

  /** Puts what lies 0 to reach - 1 blocks further along dimension `along` side by side in dimension `axis`. */
  #unfold(value: Value, along: number, axis: number): Value {
    const { graph } = this;
    const shifted = Array.from({ length: this.#reach }, (_, shift) => {
      const behind = this.#reach - 1 - shift;
      const [start, end] = [graph.integers(shift), graph.integers(behind === 0 ? END : -behind)];
      return graph.op('Slice', [value, start, end, graph.integers(along)]);
    });
    return graph.op('Concat', shifted, { axis });
  }

  #pair(sizes: Value): [Value, Value] {
    return this.graph.split('Split', [sizes], 2, { axis: 0, num_outputs: 2 }) as [Value, Value];
  }

  #reshape(value: Value, shape: readonly (number | Value)[]): Value {
    const sizes = shape.map((size) => (typeof size === 'number' ? this.graph.integers(size) : size));
    return this.graph.op('Reshape', [value, this.graph.op('Concat', sizes, { axis: 0 })]);
  }
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
