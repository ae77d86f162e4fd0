import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expected, QuietframeError } from '../errors.js';
import { type Filter, PARAMETERS } from './parameter-map.js';

/** The heads of a trained network, checked, in memory. */
export interface PknBundle {
  readonly name: string;
  readonly version: number;
  readonly description: string;
  readonly license: string;
  /** How the heads were trained; free form. */
  readonly training: Readonly<Record<string, unknown>>;
  /** ONNX files by filter. */
  readonly heads: ReadonlyMap<Filter, Uint8Array>;
}

const FILE = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}$/;

/**
 * Reads `model.json` of a folder and the heads that it names, and checks them against their sha256.
 * @throws QuietframeError `model-damaged` when a file is missing, is not what it should be or fails its check.
 */
export async function readPknBundle(folder: string): Promise<PknBundle> {
  const manifest = record(parse(await readBytes(folder, 'model.json')), 'the manifest');
  const { formatVersion, name, version, description = '', license = '' } = manifest;
  if (formatVersion !== 1) throw damaged('1', 'formatVersion', formatVersion);
  if (typeof name !== 'string') throw damaged('text', 'name', name);
  if (typeof version !== 'number') throw damaged('a number', 'version', version);
  if (typeof description !== 'string') throw damaged('text', 'description', description);
  if (typeof license !== 'string') throw damaged('text', 'license', license);
  const training = record(manifest.training ?? {}, 'training');
  const heads = new Map<Filter, Uint8Array>();
  for (const [filter, value] of Object.entries(record(manifest.heads, 'heads'))) {
    if (!isFilter(filter)) throw damaged(`one of ${Object.keys(PARAMETERS).join(', ')}`, 'a head', filter);
    const { file, sha256 } = record(value, `heads.${filter}`);
    if (typeof file !== 'string' || !FILE.test(file))
      throw damaged('a file name', `heads.${filter}.file`, file);
    const bytes = await readBytes(folder, file);
    const hash = createHash('sha256').update(bytes).digest('hex');
    if (hash !== sha256) throw damaged(`sha256 ${sha256}`, file, hash);
    heads.set(filter, bytes);
  }
  return { name, version, description, license, training, heads };
}

function isFilter(name: string): name is Filter {
  return Object.hasOwn(PARAMETERS, name);
}

function parse(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch (cause) {
    throw damaged('JSON', 'the manifest', 'something else', cause);
  }
}

async function readBytes(folder: string, file: string): Promise<Uint8Array> {
  try {
    return await readFile(join(folder, file));
  } catch (cause) {
    throw damaged('a file', file, 'none', cause);
  }
}

function record(value: unknown, name: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw damaged('an object', name, value);
  }
  return Object.fromEntries(Object.entries(value));
}

function damaged(range: string, name: string, received: unknown, cause?: unknown): QuietframeError {
  const message = expected(range, `${name} of the procedural kernel network`, received);
  return new QuietframeError('model-damaged', message, {}, { cause });
}
