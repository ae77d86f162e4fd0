import { expected, QuietframeError } from '../errors.js';
import type { ExrPool } from '../exr/exr-pool.js';
import { boxHeight, boxWidth } from '../image/image.js';
import type { DenoiseExrRequest } from '../workflow/denoise-exr.js';
import type { Upload } from './exr-body.js';

/** What of an upload is denoised, and with which other files. */
export interface SelectedFrames {
  readonly files: Pick<
    DenoiseExrRequest,
    'exr' | 'frameName' | 'halves' | 'neighbours' | 'lambdaMap' | 'guide' | 'digests'
  >;
  /** Frames in the window and the index of the denoised one. */
  readonly frames: number;
  readonly center: number;
}

/**
 * Reads the headers of all files of an upload, so that a damaged or absurd one is refused before any work, and picks the
 * frame to denoise. Without a frame, the first half buffer stands for it.
 * @param center index of the frame; by default the middle one, of two middle ones the later.
 * @param first what the first frame is called: `frame[first]`, in the order of whatever the client has sent.
 * @throws QuietframeError `invalid-argument` for a centre outside the window; `mismatched-frames` where sizes differ;
 * `malformed-exr`, `unsupported-exr` and `too-large`, each naming the frame.
 */
export function selectFrames(
  { frames, halves, lambda, guide, digests }: Upload,
  center: number | undefined,
  pool: Pick<ExrPool, 'header'>,
  first = 0,
): SelectedFrames {
  const window = frames.length === 0 && halves !== undefined ? [halves[0]] : frames;
  const index = centerOf(window.length, center);
  const name = (i: number): string => `frame[${first + i}]`;
  checkSizes(
    frames.map((exr, i) => [name(i), exr] as const),
    halves,
    pool,
  );
  const neighbours = window.flatMap((exr, i) =>
    i === index ? [] : { exr, offset: i - index, name: name(i) },
  );
  return {
    files: {
      exr: window[index] as Uint8Array,
      frameName: frames.length === 0 ? 'half_a' : name(index),
      ...(halves && { halves }),
      ...(lambda && { lambdaMap: lambda }),
      ...(guide && { guide }),
      ...(digests && { digests }),
      ...(neighbours.length > 0 && { neighbours }),
    },
    frames: window.length,
    center: index,
  };
}

function centerOf(frames: number, center = Math.floor(frames / 2)): number {
  if (center < frames) return center;
  throw new QuietframeError('invalid-argument', expected(`an index below ${frames}`, 'center', center), {
    parameter: 'center',
  });
}

function checkSizes(
  frames: readonly (readonly [name: string, bytes: Uint8Array])[],
  halves: Upload['halves'],
  pool: Pick<ExrPool, 'header'>,
): void {
  const named = [...frames];
  if (halves !== undefined) named.push(['half_a', halves[0]], ['half_b', halves[1]]);
  let first: string | undefined;
  for (const [frame, bytes] of named) {
    const size = sizeOf(bytes, frame, pool);
    first ??= size;
    if (size !== first) {
      throw new QuietframeError('mismatched-frames', expected(`${first} pixels`, frame, size), { frame });
    }
  }
}

/** The sizes that parts have, each once, as `8x4, 4x2`: half buffers may have more parts than a frame. */
function sizeOf(bytes: Uint8Array, frame: string, pool: Pick<ExrPool, 'header'>): string {
  try {
    const sizes = pool
      .header(bytes)
      .parts.map(({ dataWindow }) => `${boxWidth(dataWindow)}x${boxHeight(dataWindow)}`);
    return [...new Set(sizes)].join(', ');
  } catch (error) {
    if (!(error instanceof QuietframeError)) throw error;
    throw new QuietframeError(error.code, error.message, { frame, ...error.details }, { cause: error });
  }
}
