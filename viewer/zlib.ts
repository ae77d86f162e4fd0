import { unzlibSync, zlibSync } from 'fflate';

/** Stands for `node:zlib` in a browser, as far as the codec uses it. Output of another length is refused by the caller. */
export function inflateSync(data: Uint8Array, { maxOutputLength }: { maxOutputLength: number }): Uint8Array {
  // One byte more than is allowed, so that a stream that is too long is not cut to the right length.
  return unzlibSync(data, { out: new Uint8Array(maxOutputLength + 1) });
}

export function deflateSync(data: Uint8Array, { level }: { level: 4 }): Uint8Array {
  return zlibSync(data, { level });
}
