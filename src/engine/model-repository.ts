import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expected, QuietframeError } from '../errors.js';
import type { ModelManifest } from './model-manifest.js';
import { hasHeads, parseManifest } from './parse-manifest.js';

/** A bundle in memory; its files are checked and shared between threads. */
export interface ModelBundle {
  readonly manifest: ModelManifest;
  /** By the name of the module. */
  readonly files: Readonly<Record<string, Uint8Array>>;
}

/** The model that is taken when none is named. */
export const DEFAULT_MODEL = 'kpcn';

/**
 * The bundles of kernel-predicting networks in a directory, `<directory>/<name>/<version>/model.json`. Networks with filters
 * as `heads` live in the same directory; of them it knows the folders alone.
 */
export class ModelRepository {
  private constructor(
    /** By name, the newest version first. */
    readonly bundles: readonly ModelBundle[],
    /** Of networks with filters as `heads`. */
    readonly filterFolders: readonly string[],
  ) {}

  /**
   * Reads all bundles and checks every file against its sha256.
   * @throws QuietframeError `file-system`, `model-damaged`.
   */
  static async open(directory: string): Promise<ModelRepository> {
    const bundles: ModelBundle[] = [];
    const filterFolders: string[] = [];
    for (const { folder, name, version } of await bundleFolders(directory)) {
      const bundle = await readBundle(folder, name, version);
      if (bundle !== undefined) bundles.push(bundle);
      else filterFolders.push(folder);
    }
    return new ModelRepository(
      bundles.sort(
        ({ manifest: a }, { manifest: b }) => a.name.localeCompare(b.name) || b.version - a.version,
      ),
      filterFolders.sort(),
    );
  }

  /**
   * The bundle called `name` or `name@version`; the newest version where none is given.
   * @param withErrors the newest version that predicts errors, if there is one: a network may be shipped before its predictor
   * is trained.
   * @throws QuietframeError `unknown-model`.
   */
  find(model: string = DEFAULT_MODEL, withErrors = false): ModelBundle {
    const named = this.bundles.filter(
      ({ manifest: { name, version } }) => model === name || model === `${name}@${version}`,
    );
    const predicting = withErrors ? named.find(({ manifest }) => manifest.errorPredictor) : undefined;
    const found = predicting ?? named[0];
    if (found === undefined) {
      const known = this.bundles.map(({ manifest }) => `${manifest.name}@${manifest.version}`);
      const message = expected(known.length > 0 ? `one of ${known.join(', ')}` : 'a model', 'model', model);
      throw new QuietframeError('unknown-model', message, { parameter: 'model' });
    }
    return found;
  }
}

/**
 * The folders of networks with filters as `heads`, the newest version last. No other file than the manifests is read.
 * @throws QuietframeError `file-system`, `model-damaged`.
 */
export async function findFilterFolders(directory: string): Promise<readonly string[]> {
  const found: string[] = [];
  for (const { folder, origin } of await bundleFolders(directory)) {
    if (hasHeads((await readShared(folder, 'model.json', origin)).text())) found.push(folder);
  }
  return found.sort();
}

interface BundleFolder {
  readonly folder: string;
  readonly name: string;
  readonly version: string;
  /** What messages call the bundle. */
  readonly origin: string;
}

async function bundleFolders(directory: string): Promise<BundleFolder[]> {
  const found: BundleFolder[] = [];
  for (const name of await folders(directory)) {
    for (const version of await folders(join(directory, name))) {
      found.push({ folder: join(directory, name, version), name, version, origin: `${name}/${version}` });
    }
  }
  return found;
}

async function folders(directory: string): Promise<string[]> {
  try {
    const entries = await readdir(directory, { withFileTypes: true });
    return entries
      .filter((entry) => entry.isDirectory() && !entry.name.startsWith('.'))
      .map((entry) => entry.name);
  } catch (cause) {
    throw new QuietframeError('file-system', 'The directory of the models cannot be read', {}, { cause });
  }
}

async function readBundle(folder: string, name: string, version: string): Promise<ModelBundle | undefined> {
  const origin = `${name}/${version}`;
  const text = (await readShared(folder, 'model.json', origin)).text();
  if (hasHeads(text)) return undefined;
  const manifest = parseManifest(text, origin);
  if (manifest.name !== name || String(manifest.version) !== version) {
    const message = expected(
      origin,
      'the name and version of a model',
      `${manifest.name}/${manifest.version}`,
    );
    throw new QuietframeError('model-damaged', message);
  }
  const files: Record<string, Uint8Array> = {};
  for (const [module, { file, sha256, shape }] of Object.entries(manifest.modules)) {
    const { bytes, hash } = await readShared(folder, file, origin);
    if (hash !== sha256) {
      throw new QuietframeError(
        'model-damaged',
        expected(`sha256 ${sha256}`, `${file} of model ${origin}`, hash),
      );
    }
    const length = shape?.reduce((product, size) => product * size, Float32Array.BYTES_PER_ELEMENT);
    if (length !== undefined && bytes.length !== length) {
      const message = expected(`${length} bytes`, `${file} of model ${origin}`, bytes.length);
      throw new QuietframeError('model-damaged', message);
    }
    files[module] = bytes;
  }
  return { manifest, files };
}

async function readShared(
  folder: string,
  file: string,
  origin: string,
): Promise<{ bytes: Uint8Array; hash: string; text: () => string }> {
  try {
    const content = await readFile(join(folder, file));
    const bytes = new Uint8Array(new SharedArrayBuffer(content.length));
    bytes.set(content);
    const hash = createHash('sha256').update(content).digest('hex');
    return { bytes, hash, text: () => content.toString('utf8') };
  } catch (cause) {
    throw new QuietframeError(
      'model-damaged',
      expected('a file', `${file} of model ${origin}`, 'none'),
      {},
      { cause },
    );
  }
}
