import { readFile } from 'node:fs/promises';
import { QuietframeError } from '../errors.js';

const REASONS = new Map([
  ['ENOENT', 'it does not exist'],
  ['EISDIR', 'it is a folder'],
  ['EACCES', 'access is denied'],
  ['ERR_FS_FILE_TOO_LARGE', 'it is too large'],
]);

/**
 * Bytes of a file that the user named.
 * @throws QuietframeError `file-system`, naming the file and the reason.
 */
export async function readInput(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown reason';
    throw new QuietframeError(
      'file-system',
      `The file ${path} cannot be read: ${REASONS.get(code) ?? code}`,
      {},
      { cause },
    );
  }
}
