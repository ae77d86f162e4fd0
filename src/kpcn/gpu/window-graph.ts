import type { Architecture } from '../../engine/model-manifest.js';
import type { ModelBundle } from '../../engine/model-repository.js';
import { OnnxGraph, type Value } from '../../engine/onnx-graph.js';
import { texture } from './albedo-gain-graph.js';
import { type FrameNumbers, FrameStack, frameNumbers, SLOTS, scalar } from './frame-stack.js';

/** What a graph of windows works on. */
export interface WindowGraphOptions {
  /** Whether planes 3 to 5 are the albedo. */
  readonly hasAlbedo: boolean;
  /** Whether its texture is given back to the colours. */
  readonly hasTexture: boolean;
  /** Whether there is a map of lambda. */
  readonly hasLambda: boolean;
}
const COLOR_CHANNELS = 3;
const ALBEDO_CHANNELS = 3;
/** A difference of 1/8 in logarithm or albedo counts as 1. */
const GUIDE_SCALE = 8;
/** Of a pixel's kernel in another frame: weight, sharpness and two bandwidths. */
const KERNEL_CHANNELS = 4;
/** The logarithm of the most that a tap counts; that of the centre is 0. */
const MAX_WEIGHT = 4;
/** Logit for each pixel that a place lies outside: its exponential is 0. */
const OUTSIDE = -1e4;

/**
 * One ONNX graph of all that is done to an area of a level of a window whose frames are filtered by their own kernels: guides,
 * their differences along motion, temporal features, loss specialization, neighbor predictor, and the kernels in the other
 * frames, joined by one softmax. It is made of the modules of the bundle, as {@link levelGraph} is, works for any number N of
 * other frames, and computes what `WindowFeatures` and `TemporalFusion` do. What is needed of the other frames comes as regions
 * of one size, w' x h' with both even, that lie below each other in one tensor. Inputs and outputs are
 *
 *     planes            [1,P,h,w]         of the centre as the others see it: colour 3, albedo 3 if there is one, further planes
 *     own               [1,P,h,w]         with `hasLambda`: of the centre for its lambda
 *     gate              [1,1,h,w]         with `hasTexture`: the albedo gate of the centre
 *     spatial           [1,F,h/2,w/2]     features of the centre
 *     embedding         [1,E,h/2,w/2]     means of the embedding of cells
 *     log_lambda        [1,1,h/2,w/2]     with `hasLambda`
 *     other_planes      [1,P,N h',w']
 *     other_embeddings  [1,E,N h'/2,w'/2]
 *     motion            [1,2,N h,w]       from each pixel of the centre to its place in the frames, in pixels; finite
 *     columns           [1,N,1,w]         where each column of the area is in the regions
 *     rows              [1,N,h,1]         the same of the rows
 *     cell_places       [1,2,N h/2,w/2]   the place of each cell of the area in the regions, in cells; -1 for nowhere
 *     numbers           [1,N,1,1]         of the frames: 0, 1, ...
 *     slots             [1,N,1,1]         of the frames
 *     order             [1,6,1,1]         for each slot the number of its frame; N where there is none
 *     exposure          [1,1,1,1]
 *     joined            [1,P,h,w]         the planes of the window
 *     texture           [1,3,h,w]         with `hasTexture`: what the albedo gate multiplies joined colours by
 *
 * Taps beyond a region repeat its border: regions end where their frame does, or where nothing is needed any more. A pixel whose place is
 * outside of a region is not looked for in that frame.
 */
export function windowGraph(bundle: ModelBundle, options: WindowGraphOptions): Uint8Array {
  const { embeddingChannels, neighborKernelSize } = bundle.manifest.architecture;
  const { hasAlbedo, hasTexture, hasLambda } = options;
  const graph = new OnnxGraph();
  const numbers = frameNumbers(graph);
  const planes = graph.input('planes', [1, 'planes', 'height', 'width']);
  const others = graph.input('other_planes', [1, 'planes', 'other_height', 'other_width']);
  const exposure = graph.input('exposure', [1, 1, 1, 1]);
  const guides = guidesOf(graph, planes, exposure, hasAlbedo);
  const otherGuides = guidesOf(graph, others, exposure, hasAlbedo);
  const embedding = (name: string, size: string): Value =>
    graph.input(name, [1, embeddingChannels, `half_${size}height`, `half_${size}width`]);
  const differences = differencesOf(
    graph,
    cellGuides(graph, embedding('embedding', ''), guides, hasAlbedo),
    cellGuides(graph, embedding('other_embeddings', 'other_'), otherGuides, hasAlbedo),
    numbers,
  );
  const kernels = neighborKernels(graph, bundle, differences, hasLambda, numbers);
  const own = hasLambda ? graph.input('own', [1, 'planes', 'height', 'width']) : planes;
  const joined = joinedPlanes(graph, kernels, numbers, {
    ...{ guides, otherGuides, own, others, hasAlbedo, kernelSize: neighborKernelSize },
  });
  graph.output('joined', joined, [1, 'planes', 'height', 'width']);
  if (hasTexture) {
    const gate = graph.input('gate', [1, 1, 'height', 'width']);
    graph.output('texture', texture(graph, planes, joined, gate), [1, 3, 'height', 'width']);
  }
  return graph.file();
}

/**
 * Bytes on the device for each pixel of an area of a full window: planes, embeddings and motion, of regions at most twice as
 * large; differences and features of cells; and for a tap in every frame guides, planes and their weights.
 */
export function windowGraphBytesPerPixel({ featureChannels, embeddingChannels }: Architecture): number {
  const planes = COLOR_CHANNELS + ALBEDO_CHANNELS;
  const regions = 2 * SLOTS * (2 * planes + embeddingChannels / 2);
  const cells = (4 * featureChannels + 3 * SLOTS * (embeddingChannels + planes + 1)) / 4;
  const pixels = SLOTS * (4 * KERNEL_CHANNELS + 2 * planes + 3 * planes);
  return Float32Array.BYTES_PER_ELEMENT * (regions + cells + pixels);
}

/** What pixels of two frames are compared by, not scaled: logarithms of light and, where there is one, the albedo; [1,6,h,w]. */
function guidesOf(graph: OnnxGraph, planes: Value, exposure: Value, hasAlbedo: boolean): Value {
  const channels = (first: number, end: number): Value =>
    graph.op('Slice', [planes, graph.integers(first), graph.integers(end), graph.integers(1)]);
  const light = graph.op('Relu', [graph.op('Mul', [channels(0, COLOR_CHANNELS), exposure])]);
  const logarithm = graph.op('Log', [graph.op('Add', [light, scalar(graph, 1)])]);
  if (!hasAlbedo) return logarithm;
  const albedo = channels(COLOR_CHANNELS, COLOR_CHANNELS + ALBEDO_CHANNELS);
  return graph.op('Concat', [logarithm, albedo], { axis: 1 });
}

/** What neighbourhoods are compared by: [1,E+6,h/2,w/2]. */
function cellGuides(graph: OnnxGraph, embedding: Value, guides: Value, hasAlbedo: boolean): Value {
  const means = graph.op('AveragePool', [guides], { kernel_shape: [2, 2], strides: [2, 2] });
  const scaled = graph.op('Mul', [means, scalar(graph, GUIDE_SCALE)]);
  const both = graph.op('Concat', [embedding, scaled], { axis: 1 });
  if (hasAlbedo) return both;
  return graph.op('Pad', [both, graph.integers(0, 0, 0, 0, 0, ALBEDO_CHANNELS, 0, 0)]);
}

/** How the guides of the slots, fetched along motion bilinearly, differ from the centre's; then the masks: [1,6(E+7),h/2,w/2]. */
function differencesOf(graph: OnnxGraph, center: Value, others: Value, frames: FrameNumbers): Value {
  const stack = new FrameStack(graph, others, frames);
  const places = graph.input('cell_places', [1, 2, 'cell_rows', 'half_width']);
  const [x, y] = framePlanes(graph, places, frames);
  const before = (at: Value): Value => graph.op('Floor', [at]);
  const after = (at: Value): Value => graph.op('Add', [at, scalar(graph, 1)]);
  const [left, top] = [stack.column(before(x)), stack.row(before(y))];
  const columns = [left, stack.column(after(left))];
  const values = stack.flat(others);
  const mix = (a: Value, b: Value, share: Value): Value =>
    graph.op('Add', [a, graph.op('Mul', [share, graph.op('Sub', [b, a])])]);
  const [right, down] = [graph.op('Sub', [x, left]), graph.op('Sub', [y, top])];
  const rows = [top, stack.row(after(top))].map((row) => {
    const begins = stack.begins(row);
    const [a, b] = columns.map((column) => stack.fetch(values, stack.at(begins, column)));
    return mix(a as Value, b as Value, right);
  });
  const fetched = mix(rows[0] as Value, rows[1] as Value, down);
  const mask = graph.op('Clip', [after(x), scalar(graph, 0), scalar(graph, 1)]);
  const own = graph.op('Reshape', [center, graph.integers(-1, 1, 0, 0)]);
  const away = graph.op('Mul', [graph.op('Abs', [graph.op('Sub', [fetched, own])]), mask]);
  // Slots without a frame get one of zeros.
  const bySlot = (value: Value): Value => {
    const padded = graph.op('Pad', [value, graph.integers(0, 0, 0, 0, 0, 1, 0, 0)]);
    return graph.op('Gather', [padded, frames.order], { axis: 1 });
  };
  const slots = graph.op('Transpose', [bySlot(away)], { perm: [1, 0, 2, 3] });
  return graph.op('Concat', [inChannels(graph, slots), bySlot(mask)], { axis: 1 });
}

/** Of the kernels in the other frames, in each [1,N,h,w]. */
interface NeighborKernels {
  readonly weight: Value;
  readonly sharpness: Value;
  /** Minus the bandwidths of light and albedo, in the units of {@link guidesOf}. */
  readonly bandwidths: readonly [Value, Value];
}

function neighborKernels(
  graph: OnnxGraph,
  { manifest, files }: ModelBundle,
  differences: Value,
  hasLambda: boolean,
  { slots }: FrameNumbers,
): NeighborKernels {
  const { featureChannels } = manifest.architecture;
  const run = (module: string, inputs: Readonly<Record<string, Value>>, output: string): Value =>
    graph.include(module, files[module] ?? new Uint8Array(), inputs)[output] as Value;
  const spatial = graph.input('spatial', [1, featureChannels, 'half_height', 'half_width']);
  let temporal = run('temporal_features', { spatial, differences }, 'temporal');
  if (hasLambda) {
    const logLambda = graph.input('log_lambda', [1, 1, 'half_height', 'half_width']);
    temporal = run('loss_specialization', { spatial: temporal, log_lambda: logLambda }, 'specialized');
  }
  const predicted = run('neighbor_predictor', { temporal }, 'neighbor_features');
  const cells = graph.op('Reshape', [predicted, graph.integers(SLOTS, 4 * KERNEL_CHANNELS, 0, 0)]);
  const chosen = graph.op('Gather', [cells, slots], { axis: 0 });
  const pixels = graph.op('DepthToSpace', [chosen], { blocksize: 2, mode: 'CRD' });
  const parts = graph.split('Split', [pixels], KERNEL_CHANNELS, { axis: 1, num_outputs: KERNEL_CHANNELS });
  const [weight, sharpness, ofLight, ofAlbedo] = parts.map((part) =>
    graph.op('Reshape', [part, graph.integers(1, -1, 0, 0)]),
  ) as [Value, Value, Value, Value];
  const bandwidth = (value: Value): Value =>
    graph.op('Mul', [graph.op('Softplus', [value]), scalar(graph, -(GUIDE_SCALE ** 2))]);
  return {
    weight: graph.op('Clip', [weight, scalar(graph, OUTSIDE), scalar(graph, MAX_WEIGHT)]),
    sharpness: graph.op('Softplus', [sharpness]),
    bandwidths: [bandwidth(ofLight), bandwidth(ofAlbedo)],
  };
}

/** The planes of the centre, of weight 1, and of the taps of all kernels, weighted: [1,P,h,w]. */
function joinedPlanes(
  graph: OnnxGraph,
  { weight, sharpness, bandwidths }: NeighborKernels,
  frames: FrameNumbers,
  { guides, otherGuides, own, others, kernelSize, hasAlbedo }: JoinedValues,
): Value {
  const stack = new FrameStack(graph, others, frames);
  const offsets = Array.from({ length: kernelSize }, (_, i) => i - (kernelSize >> 1));
  const motion = framePlanes(graph, graph.input('motion', [1, 2, 'motion_rows', 'width']), frames);
  const whole = motion.map((m) => graph.op('Floor', [graph.op('Add', [m, scalar(graph, 0.5)])]));
  const [x, y] = [
    graph.op('Add', [graph.input('columns', [1, 'frames', 1, 'width']), whole[0] as Value]),
    graph.op('Add', [graph.input('rows', [1, 'frames', 'height', 1]), whole[1] as Value]),
  ];
  const beside = (place: Value, nearest: Value): Value =>
    graph.op('Abs', [graph.op('Sub', [place, nearest])]);
  const outside = graph.op('Add', [beside(x, stack.column(x)), beside(y, stack.row(y))]);
  const base = graph.op('Add', [weight, graph.op('Mul', [outside, scalar(graph, OUTSIDE)])]);
  // The place that is nearest is this far before the true one.
  const rests = motion.map((m, i) => graph.op('Sub', [m, whole[i] as Value]));
  const [awayX, awayY] = rests.map((rest) =>
    offsets.map((offset) => {
      const away = graph.op('Sub', [scalar(graph, offset), rest]);
      return graph.op('Mul', [sharpness, graph.op('Mul', [away, away])]);
    }),
  ) as [Value[], Value[]];
  const moved = (place: Value): Value[] =>
    offsets.map((offset) => graph.op('Add', [place, scalar(graph, offset)]));
  const columns = moved(x).map((column) => stack.column(column));
  const rows = moved(y).map((row) => stack.begins(stack.row(row)));

  const [ofLight, ofAlbedo] = bandwidths;
  const groups = [
    ...Array(COLOR_CHANNELS).fill(ofLight),
    ...Array(hasAlbedo ? ALBEDO_CHANNELS : 0).fill(ofAlbedo),
  ];
  const scales = graph.op('Concat', groups, { axis: 0 });
  const [otherValues, otherPlanes] = [stack.flat(otherGuides), stack.flat(others)];
  const center = graph.op('Reshape', [guides, graph.integers(-1, 1, 0, 0)]);
  let total = graph.op('Reshape', [own, graph.integers(-1, 1, 0, 0)]);
  let norm = scalar(graph, 1);
  for (const [i, begins] of rows.entries()) {
    const baseOfRow = graph.op('Sub', [base, awayY[i] as Value]);
    for (const [j, column] of columns.entries()) {
      const at = stack.at(begins, column);
      const away = graph.op('Sub', [stack.fetch(otherValues, at), center]);
      const scaled = graph.op('Mul', [graph.op('Mul', [away, away]), scales]);
      const unlike = graph.op('ReduceSum', [scaled, graph.integers(0)], { keepdims: 1 });
      const near = graph.op('Sub', [baseOfRow, awayX[j] as Value]);
      const weights = graph.op('Exp', [graph.op('Add', [near, unlike])]);
      const found = graph.op('Mul', [stack.fetch(otherPlanes, at), weights]);
      const sum = (value: Value): Value => graph.op('ReduceSum', [value, graph.integers(1)], { keepdims: 1 });
      total = graph.op('Add', [total, sum(found)]);
      norm = graph.op('Add', [norm, sum(weights)]);
    }
  }
  return graph.op('Reshape', [graph.op('Div', [total, norm]), graph.integers(1, -1, 0, 0)]);
}

/** What is joined, and by what it is compared. */
interface JoinedValues {
  readonly guides: Value;
  readonly otherGuides: Value;
  readonly own: Value;
  readonly others: Value;
  readonly kernelSize: number;
  readonly hasAlbedo: boolean;
}

/** The two channels of [1,2,N h,w] by frame, [1,N,h,w] each. */
function framePlanes(graph: OnnxGraph, value: Value, { count }: FrameNumbers): [Value, Value] {
  const shape = graph.op('Concat', [graph.integers(2), count, graph.integers(-1, 0)], { axis: 0 });
  const both = graph.op('Reshape', [value, shape]);
  return graph.split('Split', [both], 2, { axis: 0, num_outputs: 2 }) as [Value, Value];
}

/** The first two dimensions as one, the channels: [1,A B,h,w]. */
function inChannels(graph: OnnxGraph, value: Value): Value {
  return graph.op('Reshape', [value, graph.integers(1, -1, 0, 0)]);
}
