import { expected, QuietframeError } from '../errors.js';
import type { ExrPool } from '../exr/exr-pool.js';
import { boxHeight, boxWidth } from '../image/image.js';
import type { Upload } from './exr-body.js';

/** What of an upload is denoised. */
export interface SelectedFrames {
  readonly exr: Uint8Array;
  /** Second half buffer; `exr` is the first then. */
  readonly halfB?: Uint8Array;
  /** Frames in the window and the index of the denoised one. */
  readonly frames: number;
  readonly center: number;
}

/**
 * Reads the headers of all files of an upload, so that a damaged or absurd one is refused before any work, and picks the
 * frame to denoise.
 * @param center index of the frame; by default the middle one, of two middle ones the later.
 * @throws QuietframeError `invalid-argument` for a centre outside the window; `mismatched-frames` where sizes differ;
 * `malformed-exr`, `unsupported-exr` and `too-large`, each naming the frame.
 */
export function selectFrames(
  upload: Upload,
  center: number | undefined,
  pool: Pick<ExrPool, 'header'>,
): SelectedFrames {
  if (upload.kind === 'halves') {
    checkSizes(
      new Map([
        ['half_a', upload.halfA],
        ['half_b', upload.halfB],
      ]),
      pool,
    );
    return { exr: upload.halfA, halfB: upload.halfB, ...centerOf(1, center) };
  }
  const { frames } = upload;
  const chosen = centerOf(frames.length, center);
  checkSizes(new Map(frames.map((bytes, index) => [`frame[${index}]`, bytes])), pool);
  return { exr: frames[chosen.center] as Uint8Array, ...chosen };
}

function centerOf(frames: number, center = Math.floor(frames / 2)): { frames: number; center: number } {
  if (center >= frames) {
    throw new QuietframeError('invalid-argument', expected(`an index below ${frames}`, 'center', center), {
      parameter: 'center',
    });
  }
  return { frames, center };
}

function checkSizes(files: ReadonlyMap<string, Uint8Array>, pool: Pick<ExrPool, 'header'>): void {
  let first: string | undefined;
  for (const [frame, bytes] of files) {
    const size = sizeOf(bytes, frame, pool);
    first ??= size;
    if (size !== first) {
      throw new QuietframeError('mismatched-frames', expected(`${first} pixels`, frame, size), { frame });
    }
  }
}

/** Sizes of all parts, as `8x4, 8x4`. */
function sizeOf(bytes: Uint8Array, frame: string, pool: Pick<ExrPool, 'header'>): string {
  try {
    return pool
      .header(bytes)
      .parts.map(({ dataWindow }) => `${boxWidth(dataWindow)}x${boxHeight(dataWindow)}`)
      .join(', ');
  } catch (error) {
    if (!(error instanceof QuietframeError)) throw error;
    throw new QuietframeError(error.code, error.message, { frame, ...error.details }, { cause: error });
  }
}
