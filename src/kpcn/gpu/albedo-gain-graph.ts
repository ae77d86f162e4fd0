import type { OnnxGraph, Value } from '../../engine/onnx-graph.js';

const ALBEDO_EPSILON = 0.01;
const MAX_ALBEDO_RATIO = 8;

/**
 * What the albedo gate makes of colours, [1,3,h,w]: 1 + gate ((a + 0.01) / (filtered a + 0.01) - 1), the ratio within [1/8, 8].
 * @param planes with the albedo in channels 3 to 5, and so `filtered`.
 * @param gate [1,1,h,w] in [0,1].
 */
export function texture(graph: OnnxGraph, planes: Value, filtered: Value, gate: Value): Value {
  const scalar = (value: number): Value => graph.constant([], new Float32Array([value]));
  const albedo = (of: Value): Value => {
    const channels = graph.op('Slice', [of, graph.integers(3), graph.integers(6), graph.integers(1)]);
    return graph.op('Add', [channels, scalar(ALBEDO_EPSILON)]);
  };
  const ratio = graph.op('Div', [albedo(planes), albedo(filtered)]);
  const clipped = graph.op('Clip', [ratio, scalar(1 / MAX_ALBEDO_RATIO), scalar(MAX_ALBEDO_RATIO)]);
  const change = graph.op('Mul', [gate, graph.op('Sub', [clipped, scalar(1)])]);
  return graph.op('Add', [change, scalar(1)]);
}
