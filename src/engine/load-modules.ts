import type { Engine, NetworkModule, Tensor } from './engine.js';
import { NETWORK_MODULES } from './model-manifest.js';
import type { ModelBundle } from './model-repository.js';

/** Runs a module of a bundle on named inputs and writes the named outputs. */
export type RunModule = (
  module: string,
  inputs: Readonly<Record<string, Tensor>>,
  outputs: Readonly<Record<string, Tensor>>,
) => Promise<void>;

/**
 * Loads all modules of the network that the CPU runs.
 * @throws QuietframeError `model-damaged` when a module does not load.
 */
export async function loadModules({ manifest, files }: ModelBundle, engine: Engine): Promise<RunModule> {
  const encoders = manifest.sources.map((source) => `source_encoder.${source}`);
  const modules = new Map<string, NetworkModule>();
  for (const name of [...encoders, ...NETWORK_MODULES]) {
    modules.set(name, await engine.load(name, files[name] ?? new Uint8Array()));
  }
  return (name, inputs, outputs) => {
    const module = modules.get(name);
    if (module === undefined) throw new TypeError(`The model has no module ${name}`);
    return module.run(inputs, outputs);
  };
}
