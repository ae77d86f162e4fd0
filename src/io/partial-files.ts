import { createHash, randomUUID } from 'node:crypto';
import { lstat, readdir, rm } from 'node:fs/promises';
import { hostname } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { isProcessAlive } from './is-process-alive.js';

const UUID = '[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}';
const PARTIAL = new RegExp(`^\\.(.+?)(?:\\.([0-9a-f]{8})-(\\d+))?\\.${UUID}\\.partial$`);
/** Milliseconds without a write after which a partial file of another machine has lost its writer. */
const STALE_MS = 3_600_000;

/** The machine, in the names of partial files. */
const HOST = createHash('sha256').update(hostname()).digest('hex').slice(0, 8);

/** Partial files that this process writes. */
const current = new Set<string>();

/**
 * Runs a write with the path of a new file beside its target, on the same file system. The name contains machine and process,
 * so that others can tell whether the file is still being written.
 */
export async function withPartialFile<T>(target: string, write: (partial: string) => Promise<T>): Promise<T> {
  const name = `.${basename(target)}.${HOST}-${process.pid}.${randomUUID()}.partial`;
  const partial = join(dirname(target), name);
  current.add(name);
  try {
    return await write(partial);
  } catch (cause) {
    await rm(partial, { force: true });
    throw cause;
  } finally {
    current.delete(name);
  }
}

/** Name of the target of a partial file; undefined for names of other files. */
export function partialOf(name: string): string | undefined {
  return PARTIAL.exec(name)?.[1];
}

/**
 * Whether the writer of a partial file has ended: its process on this machine is gone, or nobody has written to the file for an
 * hour.
 */
export async function isAbandoned(folder: string, name: string): Promise<boolean> {
  const [, , host, pid] = PARTIAL.exec(name) ?? [];
  // A process that was killed may have had the number of this one.
  if (host === HOST && Number(pid) === process.pid) return !current.has(name);
  if (host === HOST && !isProcessAlive(Number(pid))) return true;
  const found = await lstat(join(folder, name)).catch(() => undefined);
  return found?.isFile() === true && Date.now() - found.mtimeMs > STALE_MS;
}

/** Removes abandoned partial files of the targets, as far as their folders can be read and written. */
export async function sweepPartialFiles(targets: Iterable<string>): Promise<void> {
  const folders = new Map<string, Set<string>>();
  for (const target of targets) {
    const names = folders.get(dirname(target)) ?? new Set();
    folders.set(dirname(target), names.add(basename(target)));
  }
  for (const [folder, names] of folders) {
    for (const name of await readdir(folder).catch(() => [])) {
      const target = partialOf(name);
      if (target === undefined || !names.has(target) || !(await isAbandoned(folder, name))) continue;
      await rm(join(folder, name), { force: true }).catch(() => {});
    }
  }
}
