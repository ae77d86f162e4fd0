import { createHash } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';

/** Bytes that are hashed in one go: a few milliseconds. */
const STEP = 2 ** 22;

/** SHA-256 as lower-case hexadecimal digits, in steps that let others be answered. */
export async function digestOf(bytes: Uint8Array): Promise<string> {
  const hash = createHash('sha256');
  for (let start = 0; start < bytes.length; start += STEP) {
    if (start > 0) await setImmediate();
    hash.update(bytes.subarray(start, start + STEP));
  }
  return hash.digest('hex');
}
