import { expected, QuietframeError } from '../../errors.js';
import type { InputWarning } from '../../frame/frame.js';
import { type Box, boxHeight, boxWidth } from '../../image/image.js';

/** A frame of a window. */
export interface WindowEntry {
  /** What errors and warnings call it. */
  readonly name: string;
  /** Frames from the one that is denoised, which has 0. */
  readonly offset: number;
}

/** Codes of errors that a file has for itself, whatever the frame that is denoised. */
const OF_THE_FILE: ReadonlySet<string> = new Set([
  'malformed-exr',
  'unsupported-exr',
  'too-large',
  'missing-layer',
  'file-system',
]);

/** Frames nearby that tell what size a shot has. */
export const SIZE_WITNESSES = 4;

/** Whether a file is damaged for every window that it is in. */
export function isOfTheFile({ code }: QuietframeError): boolean {
  return OF_THE_FILE.has(code);
}

/** The warning about a frame that is not in a window for what is wrong with it. */
export function frameLeftOut(name: string, { message }: QuietframeError): InputWarning {
  const reason = message.includes(name) ? message : `${name}: ${message}`;
  return {
    code: 'frame-left-out',
    message: `Denoised without a frame of the window: ${reason}`,
    frame: name,
  };
}

/**
 * Denoises a frame from those of its window that can be used: where one of the others turns out to be damaged, the frame is
 * denoised without it.
 * @param denoise denoises from the entries that are left.
 * @param onLeftOut told of each entry that is not used, before the next try.
 * @throws QuietframeError where the error is not about one of the others, and whatever else `denoise` throws.
 */
export async function denoiseUsable<Entry extends WindowEntry, Result>(
  window: readonly Entry[],
  denoise: (usable: readonly Entry[]) => Promise<Result>,
  onLeftOut: (entry: Entry, error: QuietframeError) => void,
): Promise<Result> {
  for (let usable = window; ; ) {
    try {
      return await denoise(usable);
    } catch (error) {
      if (!(error instanceof QuietframeError) || error.status >= 500 || error.code === 'cancelled')
        throw error;
      const culprit = usable.find(({ name, offset }) => offset !== 0 && name === error.details.frame);
      if (culprit === undefined) throw error;
      onLeftOut(culprit, error);
      usable = usable.filter((entry) => entry !== culprit);
    }
  }
}

/** The size that tells a frame of another resolution: of the display window, for data windows may be cropped to what is lit. */
export function shotSize({
  parts: [part],
}: {
  readonly parts: readonly { readonly displayWindow: Box }[];
}): string | undefined {
  return part && `${boxWidth(part.displayWindow)} x ${boxHeight(part.displayWindow)}`;
}

/**
 * Checks that a frame has the size of those around it: a render of another resolution that was left among the frames of a
 * shot is no frame of it. Where nearby frames differ from each other, or only one is there, nothing tells which one is wrong.
 * @param name what errors call the frame.
 * @param nearby sizes of the nearest frames, those that are known.
 * @throws QuietframeError `mismatched-frames`.
 */
export function checkShotSize(name: string, own: string | undefined, nearby: readonly string[]): void {
  const [first] = nearby;
  if (first === undefined || nearby.length < 2 || first === own) return;
  if (nearby.some((size) => size !== first)) return;
  const message = expected(`${first} pixels, as the frames around it have,`, 'the frame', own);
  throw new QuietframeError('mismatched-frames', message, { frame: name });
}
