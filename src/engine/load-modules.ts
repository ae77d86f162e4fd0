import type { Engine, NetworkModule } from './engine.js';
import type { ModelBundle } from './model-repository.js';

/** The modules of a bundle by name. */
export type Modules = (name: string) => NetworkModule;

/** @throws QuietframeError `model-damaged` when a module does not load. */
export async function loadModules(
  { files }: ModelBundle,
  engine: Engine,
  names: readonly string[],
): Promise<Modules> {
  const modules = new Map<string, NetworkModule>();
  for (const name of names) modules.set(name, await engine.load(name, files[name] ?? new Uint8Array()));
  return (name) => {
    const found = modules.get(name);
    if (found === undefined) throw new TypeError(`The model has no module ${name}`);
    return found;
  };
}
