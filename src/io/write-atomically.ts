import { type FileHandle, open, realpath, rename, stat, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { QuietframeError } from '../errors.js';
import { withPartialFile } from './partial-files.js';

export interface WriteOptions {
  /** Permissions of a file that is made; those of the process by default. */
  readonly mode?: number;
  /** A link is replaced itself, instead of what it leads to. */
  readonly replaceLink?: boolean;
}

/**
 * Writes a file so that its path holds either what it held before or the new bytes, whole, even if the machine stops: into a
 * file beside it, which is on the disk before it is renamed. Where the path is a link, the file that it leads to is replaced;
 * into devices and pipes the bytes are written as they come, for a file must not take their place.
 * @throws QuietframeError `file-system`, naming the file.
 */
export async function writeAtomically(
  path: string,
  bytes: Uint8Array | string,
  options: WriteOptions = {},
): Promise<void> {
  try {
    const existing = await stat(path).catch(() => undefined);
    if (existing === undefined || existing.isFile()) await replaceFile(path, bytes, options);
    else await writeFile(path, bytes);
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : undefined;
    const reason = code === undefined ? '' : `: ${REASONS.get(code) ?? code}`;
    throw new QuietframeError('file-system', `The file ${path} cannot be written${reason}`, {}, { cause });
  }
}

const REASONS = new Map([
  ['ENOSPC', 'the disk is full'],
  ['EDQUOT', 'the quota of the disk is used up'],
  ['EROFS', 'the disk is read-only'],
]);

async function replaceFile(
  path: string,
  bytes: Uint8Array | string,
  { mode = 0o666, replaceLink = false }: WriteOptions,
): Promise<void> {
  const target = replaceLink ? path : await realpath(path).catch(() => path);
  await withPartialFile(target, async (partial) => {
    const file = await open(partial, 'wx', mode);
    try {
      await file.writeFile(bytes);
      await sync(file);
    } finally {
      await file.close();
    }
    await rename(partial, target);
  });
  await syncFolder(dirname(target));
}

/** What file systems say that cannot be told to write to the disk. */
const UNSUPPORTED = ['EINVAL', 'ENOTSUP', 'ENOSYS', 'EPERM', 'EISDIR', 'EACCES', 'EBADF'];

async function sync(file: FileHandle): Promise<void> {
  try {
    await file.sync();
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && UNSUPPORTED.includes(String(error.code)))) throw error;
  }
}

/** The name is on the disk, too; where the folder cannot be opened the file is there all the same. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r').catch(() => undefined);
  try {
    if (folder !== undefined) await sync(folder);
  } finally {
    await folder?.close();
  }
}
