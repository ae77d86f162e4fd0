import { randomUUID } from 'node:crypto';
import { realpath, rename, rm, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { QuietframeError } from '../errors.js';

/**
 * Writes a file so that its path holds either what it held before or the new bytes, whole: into a file beside it, which is
 * then renamed. Where the path is a link, the file that it leads to is replaced; into devices and pipes the bytes are
 * written as they come, for a file must not take their place.
 * @throws QuietframeError `file-system`, naming the file.
 */
export async function writeAtomically(path: string, bytes: Uint8Array | string): Promise<void> {
  try {
    const existing = await stat(path).catch(() => undefined);
    if (existing === undefined || existing.isFile()) await replaceFile(path, bytes);
    else await writeFile(path, bytes);
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? `: ${cause.code}` : '';
    throw new QuietframeError('file-system', `The file ${path} cannot be written${code}`, {}, { cause });
  }
}

async function replaceFile(path: string, bytes: Uint8Array | string): Promise<void> {
  const target = await realpath(path).catch(() => path);
  const partial = join(dirname(target), `.${basename(target)}.${randomUUID()}.partial`);
  try {
    await writeFile(partial, bytes, { flag: 'wx' });
    await rename(partial, target);
  } catch (cause) {
    await rm(partial, { force: true });
    throw cause;
  }
}
