import { createHash } from 'node:crypto';
import { type FileHandle, lstat, mkdir, open, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { QuietframeError } from '../../errors.js';
import { isAbandoned, partialOf } from '../../io/partial-files.js';
import { NAME } from './frame-name.js';

/** A file of the spool that is open. */
export interface SpooledFile {
  readonly length: number;
  /** @throws Error when the file was cut meanwhile. */
  read(start: number, end: number): Promise<Uint8Array>;
  close(): Promise<void>;
}
export const SUFFIX = '.exr';
const CHUNK_BYTES = 2 ** 20;

/** Where odd entries of the spool are told. */
export interface StoreLog {
  warn(details: object, message: string): void;
}

/** SHA-256 of a file, which is never in memory as a whole. */
export async function hashOf(file: FileHandle): Promise<string> {
  const hash = createHash('sha256');
  const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
  for (let at = 0; ; ) {
    const { bytesRead } = await file.read(chunk, 0, chunk.length, at);
    if (bytesRead === 0) return hash.digest('hex');
    hash.update(chunk.subarray(0, bytesRead));
    at += bytesRead;
  }
}

/** The name of a frame that is the name of a file of the spool. */
function nameIn(file: string): string | undefined {
  const name = file.slice(0, -SUFFIX.length);
  return file.endsWith(SUFFIX) && NAME.test(name) ? name : undefined;
}

/** A file that is open and has the right digest. */
export function openedFile(file: FileHandle, length: number): SpooledFile {
  return {
    length,
    read: async (start, end) => {
      const bytes = Buffer.allocUnsafe(end - start);
      const { bytesRead } = await file.read(bytes, 0, bytes.length, start);
      if (bytesRead < bytes.length) throw new Error('A file of the spool was cut while it was read');
      return bytes;
    },
    close: () => file.close(),
  };
}

/** The bytes of a file, in shared memory, and their SHA-256; those of a file that is gone or shorter have another one. */
export async function readWhole(
  path: string,
  size: number,
): Promise<{ readonly bytes: Uint8Array; readonly digest: string }> {
  const bytes = new Uint8Array(new SharedArrayBuffer(size));
  const hash = createHash('sha256');
  const file = await open(path).catch(() => undefined);
  try {
    for (let at = 0; file !== undefined && at < size; ) {
      const { bytesRead } = await file.read(bytes, at, Math.min(CHUNK_BYTES, size - at), at);
      if (bytesRead === 0) break;
      hash.update(bytes.subarray(at, at + bytesRead));
      at += bytesRead;
    }
  } finally {
    await file?.close();
  }
  return { bytes, digest: hash.digest('hex') };
}

/**
 * Frames of a spool folder, which is made where there is none, the least recently changed first. Removes what writers left that
 * have ended.
 * @throws QuietframeError `file-system`.
 */
export async function listSpool(
  folder: string,
  log: StoreLog | undefined,
): Promise<{ readonly name: string; readonly size: number }[]> {
  let names: string[];
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    names = await readdir(folder);
  } catch (cause) {
    throw new QuietframeError('file-system', `The spool folder ${folder} cannot be used`, {}, { cause });
  }
  const files: { readonly name: string; readonly size: number; readonly mtimeMs: number }[] = [];
  for (const name of names) {
    const stored = nameIn(name) ?? nameIn(partialOf(name) ?? '');
    if (stored === undefined) continue;
    // Not followed: what a link leads to is not the store's.
    const found = await lstat(join(folder, name)).catch(() => undefined);
    if (found === undefined) continue;
    if (!found.isFile()) log?.warn({ name }, 'An entry of the spool is no file and is left alone');
    else if (nameIn(name) !== undefined)
      files.push({ name: stored, size: found.size, mtimeMs: found.mtimeMs });
    else if (await isAbandoned(folder, name)) await rm(join(folder, name), { force: true });
  }
  return files.sort((x, y) => x.mtimeMs - y.mtimeMs);
}
