import factory from '@cornerstonejs/codec-openjph';
import wasm from '@cornerstonejs/codec-openjph/wasm';
import type { OpenJphFactory } from '../src/exr/codecs/openjph-module.js';

/** Stands for the codec's file of this name in a browser: the build puts both into the worker that decodes. */
export function openJphFiles(): { readonly factory: OpenJphFactory; readonly wasm: Uint8Array } {
  return { factory, wasm };
}
