import type { OnnxGraph, Value } from '../../engine/onnx-graph.js';
import { NEIGHBOR_OFFSETS } from '../temporal-features.js';

export const SLOTS = NEIGHBOR_OFFSETS.length;

/** Types as ONNX numbers them. */
const FLOAT = 1;
const INT32 = 6;

/** What tells the other frames apart. */
export interface FrameNumbers {
  /** How many there are, int64 [1]. */
  readonly count: Value;
  /** int32 [1,N,1,1]. */
  readonly numbers: Value;
  /** Of the frames, int32 [N]. */
  readonly slots: Value;
  /** Numbers by slot, int32 [6]. */
  readonly order: Value;
}

export function frameNumbers(graph: OnnxGraph): FrameNumbers {
  const list = (name: string, size: number | string): Value => {
    const values = graph.input(name, [1, size, 1, 1]);
    return toInt32(graph, graph.op('Reshape', [values, graph.integers(-1)]));
  };
  const numbers = graph.input('numbers', [1, 'frames', 1, 1]);
  return {
    count: graph.op('Shape', [numbers], { start: 1, end: 2 }),
    numbers: toInt32(graph, numbers),
    slots: list('slots', 'frames'),
    order: list('order', SLOTS),
  };
}

/** Frames of one size below each other, [1,C,N h,w], that values are fetched from. */
export class FrameStack {
  readonly #lastRow: Value;
  readonly #lastColumn: Value;
  /** Values in a row, int32. */
  readonly #stride: Value;
  /** The row in which each frame begins, int32 [1,N,1,1]. */
  readonly #tops: Value;

  constructor(
    private readonly graph: OnnxGraph,
    stack: Value,
    { count, numbers }: FrameNumbers,
  ) {
    const height = graph.op('Div', [graph.op('Shape', [stack], { start: 2, end: 3 }), count]);
    const width = graph.op('Shape', [stack], { start: 3, end: 4 });
    const last = (size: Value): Value => {
      const index = graph.op('Sub', [size, graph.integers(1)]);
      return graph.op('Cast', [graph.op('Squeeze', [index, graph.integers(0)])], { to: FLOAT });
    };
    [this.#lastRow, this.#lastColumn] = [last(height), last(width)];
    this.#stride = toInt32(graph, width);
    this.#tops = graph.op('Mul', [numbers, toInt32(graph, height)]);
  }

  /** The nearest row that a frame has. */
  row(y: Value): Value {
    return this.graph.op('Clip', [y, scalar(this.graph, 0), this.#lastRow]);
  }

  column(x: Value): Value {
    return this.graph.op('Clip', [x, scalar(this.graph, 0), this.#lastColumn]);
  }

  /** Where rows [1,N,h,w] begin, int32. */
  begins(rows: Value): Value {
    const { graph } = this;
    return graph.op('Mul', [graph.op('Add', [toInt32(graph, rows), this.#tops]), this.#stride]);
  }

  /** Where the values in columns [1,N,h,w] of the rows are, int32 [N,h,w]. */
  at(begins: Value, columns: Value): Value {
    const { graph } = this;
    const sum = graph.op('Add', [begins, toInt32(graph, columns)]);
    return graph.op('Squeeze', [sum, graph.integers(0)]);
  }

  /** A stack as {@link fetch} takes it, [C,N h w]. */
  flat(stack: Value): Value {
    return this.graph.op('Flatten', [stack], { axis: 2 });
  }

  /** [C,N,h,w]. */
  fetch(flat: Value, at: Value): Value {
    return this.graph.op('Gather', [flat, at], { axis: 1 });
  }
}

function toInt32(graph: OnnxGraph, value: Value): Value {
  return graph.op('Cast', [value], { to: INT32 });
}

export function scalar(graph: OnnxGraph, value: number): Value {
  return graph.constant([], new Float32Array([value]));
}
