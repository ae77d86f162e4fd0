import { describe, expect, it } from 'vitest';
import type { Tensor } from '../../../src/engine/engine.js';
import { freeCopies } from '../../../src/engine/onnxruntime/free-copies.js';

const tensor = (data: Float32Array): Tensor => ({ data, shape: [1, 1, 1, data.length] });

describe('freeCopies', () => {
  it('frees what lies elsewhere than the outputs that were asked for', () => {
    const [asked, copy] = [new Float32Array([1, 2]), new Float32Array([1, 2])];
    freeCopies({ y: { data: copy } }, { y: tensor(asked) });
    expect(copy.buffer.byteLength).toBe(0);
    expect([...asked]).toEqual([1, 2]);
  });

  it('leaves the outputs alone where the binding returns them', () => {
    const asked = new Float32Array([1, 2, 3]);
    freeCopies({ y: { data: asked.subarray(1) } }, { y: tensor(asked.subarray(1)) });
    expect([...asked]).toEqual([1, 2, 3]);
  });

  it('leaves shared memory and other types alone', () => {
    const shared = new Float32Array(new SharedArrayBuffer(8));
    const other = new Int32Array([7]);
    freeCopies({ y: { data: shared }, z: { data: other } }, { y: tensor(new Float32Array(2)) });
    expect([shared.length, ...other]).toEqual([2, 7]);
  });

  it('works many times', () => {
    for (let i = 0; i < 100; i++) {
      const copy = new Float32Array(1024);
      freeCopies({ y: { data: copy } }, { y: tensor(new Float32Array(1024)) });
      expect(copy.length).toBe(0);
    }
  });
});
