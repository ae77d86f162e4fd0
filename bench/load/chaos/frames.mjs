/** Frames of the chaos test: small, the same in every run, and one that breaks only when its pixels are read. */
import { createHash } from 'node:crypto';
import { writeExr } from '../../../dist/exr/write-exr.js';

export const SIZE = 32;

export const digestOf = (bytes) => createHash('sha256').update(bytes).digest('hex');

/** A file of noise with colour alone. */
export function noisyFrame(seed) {
  let state = seed;
  const random = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
  const window = { xMin: 0, yMin: 0, xMax: SIZE - 1, yMax: SIZE - 1 };
  const planes = ['B', 'G', 'R'].map((name) => [
    name,
    { name, type: 'half', data: Float32Array.from({ length: SIZE * SIZE }, random) },
  ]);
  const part = {
    name: '',
    dataWindow: window,
    displayWindow: window,
    attributes: new Map(),
    planes: new Map(planes),
  };
  return Buffer.from(writeExr({ parts: [part] }));
}

/** Its header is right and its last chunk is not: the work on it fails. */
export function brokenFrame() {
  const bytes = noisyFrame(99);
  return bytes.fill(0xff, bytes.length - 1500);
}
