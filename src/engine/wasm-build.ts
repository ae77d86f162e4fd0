import { readFileSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { expected, QuietframeError } from '../errors.js';
import { builtUrl } from '../threads/worker-url.js';
import type { NetworkConstants } from './model-manifest.js';
import { hasRelaxedSimd } from './relaxed-simd.js';

/** Which build of the kernels runs: relaxed SIMD has fused multiply-add, which plain SIMD lacks. */
export type Simd = 'relaxed' | 'plain';

const DIRECTORY = builtUrl('wasm/');

const compiled = new Map<string, WebAssembly.Module>();
let fastest: Simd | undefined;

/** `relaxed` where this process can run it. Node 20 knows relaxed SIMD behind a flag of V8, which is set here if need be. */
export function fastestSimd(): Simd {
  if (fastest === undefined) {
    if (!hasRelaxedSimd()) setFlagsFromString('--experimental-wasm-relaxed-simd');
    fastest = hasRelaxedSimd() ? 'relaxed' : 'plain';
  }
  return fastest;
}

/** One instance of a module of `assembly/`, with memory of its own. Not for use by two threads. */
export class WasmBuild {
  readonly #memory: WebAssembly.Memory;
  readonly #exports: Readonly<Record<string, unknown>>;

  /**
   * @param name of the file in `assembly/`, without its suffix.
   * @throws QuietframeError `internal` when the process cannot run the build.
   */
  constructor(
    private readonly name: string,
    readonly simd: Simd = fastestSimd(),
  ) {
    if (simd === 'relaxed' && fastestSimd() !== 'relaxed') {
      const message = expected('a process with relaxed SIMD', 'the build of the kernels', 'one without');
      throw new QuietframeError('internal', message);
    }
    const key = `${name}-${simd}`;
    const module = compiled.get(key) ?? new WebAssembly.Module(readBuild(name, simd));
    compiled.set(key, module);
    this.#exports = new WebAssembly.Instance(module, { env: { abort } }).exports;
    const { memory } = this.#exports;
    if (!(memory instanceof WebAssembly.Memory)) throw new TypeError(`The build ${name} exports no memory`);
    this.#memory = memory;
  }

  /** An exported function; its parameters are numbers, addresses as byte offsets. */
  function(name: string): (...parameters: readonly number[]) => void {
    const exported = this.#exports[name];
    if (typeof exported !== 'function') throw new TypeError(`The build ${this.name} exports no ${name}`);
    return (...parameters) => exported(...parameters);
  }

  /** Sets the constants of a model in a module of kernels. */
  setConstants({ albedoEpsilon, maxAlbedoRatio, guideScale }: NetworkConstants): void {
    this.function('setConstants')(albedoEpsilon, maxAlbedoRatio, guideScale);
  }

  /** Arrays in the instance's memory, one after the other, each at a multiple of 64 bytes. Earlier arrays are lost. */
  allocate<const Lengths extends readonly number[]>(
    ...lengths: Lengths
  ): { [Index in keyof Lengths]: Float32Array } {
    const offsets: number[] = [];
    let end = 1024;
    for (const length of lengths) {
      offsets.push(end);
      end += Math.ceil(length / 16) * 64;
    }
    const missing = end - this.#memory.buffer.byteLength;
    if (missing > 0) this.#memory.grow(Math.ceil(missing / 65536));
    const arrays = offsets.map((offset, i) => new Float32Array(this.#memory.buffer, offset, lengths[i]));
    return arrays as { [Index in keyof Lengths]: Float32Array };
  }
}

function readBuild(name: string, simd: Simd): Uint8Array<ArrayBuffer> {
  return new Uint8Array(readFileSync(new URL(`${name}-${simd}.wasm`, DIRECTORY)));
}

function abort(): never {
  throw new Error('The kernels aborted');
}
