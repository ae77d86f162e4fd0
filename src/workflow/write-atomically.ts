import { randomUUID } from 'node:crypto';
import { rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { QuietframeError } from '../errors.js';

/**
 * Writes a file so that its path holds either what it held before or the new bytes, whole: into a file beside it, which is
 * then renamed.
 * @throws QuietframeError `file-system`, naming the file.
 */
export async function writeAtomically(path: string, bytes: Uint8Array | string): Promise<void> {
  const partial = join(dirname(path), `.${basename(path)}.${randomUUID()}.partial`);
  try {
    await writeFile(partial, bytes, { flag: 'wx' });
    await rename(partial, path);
  } catch (cause) {
    await rm(partial, { force: true });
    const code = cause instanceof Error && 'code' in cause ? ` (${cause.code})` : '';
    throw new QuietframeError('file-system', `The file ${path} could not be written${code}`, {}, { cause });
  }
}
