import type { OnnxGraph, Value } from '../../engine/onnx-graph.js';

/** As no limit of a slice. */
const END = 2 ** 31 - 1;

/** Side of a block of pixels whose kernels are computed together, and the same in cells of the half-resolution features. */
export const BLOCK = 4;
const CELLS = BLOCK / 2;
export const BLOCK_PIXELS = BLOCK ** 2;
/** Bands of rows that are worked on one after the other: only the logits of one exist at a time. */
export const BANDS = 8;

/** How the pixels of an area, and what their kernels reach, lie in blocks; their numbers are known when the graph runs. */
export class BlockLayout {
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
