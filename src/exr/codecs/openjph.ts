import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { OpenJphFactory } from './openjph-module.js';

const require = createRequire(import.meta.url);

/** OpenJPH's module and its WebAssembly. The viewer's build has a file of its own in place of this one. */
export function openJphFiles(): { readonly factory: OpenJphFactory; readonly wasm: Uint8Array } {
  const factory: OpenJphFactory = require('@cornerstonejs/codec-openjph');
  return { factory, wasm: readFileSync(require.resolve('@cornerstonejs/codec-openjph/wasm')) };
}
