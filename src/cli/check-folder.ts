import { access, constants } from 'node:fs/promises';
import { dirname } from 'node:path';
import { QuietframeError } from '../errors.js';

/**
 * Says before the work, not after it, that a file cannot be written.
 * @throws QuietframeError `file-system`.
 */
export async function checkFolder(path: string): Promise<void> {
  try {
    await access(dirname(path), constants.W_OK);
  } catch (cause) {
    const message = `The file ${path} cannot be written: its folder does not exist or may not be changed`;
    throw new QuietframeError('file-system', message, {}, { cause });
  }
}
