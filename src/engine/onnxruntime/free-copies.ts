import { MessageChannel } from 'node:worker_threads';
import type { Tensor } from '../engine.js';

const { port1: closed, port2: otherEnd } = new MessageChannel();
otherEnd.close();

/**
 * Frees the copies that the binding returns of outputs which it has already written to the tensors that they were asked into.
 * Until the next garbage collection they would take as much memory as those tensors. An array that is sent to a closed port
 * is freed at once: `ArrayBuffer.prototype.transfer` is not in Node 20.
 */
export function freeCopies(
  results: Readonly<Record<string, { readonly data: unknown }>>,
  outputs: Readonly<Record<string, Tensor>>,
): void {
  for (const [name, { data }] of Object.entries(results)) {
    if (!(data instanceof Float32Array) || !(data.buffer instanceof ArrayBuffer)) continue;
    if (data.buffer !== outputs[name]?.data.buffer) closed.postMessage(undefined, [data.buffer]);
  }
}
