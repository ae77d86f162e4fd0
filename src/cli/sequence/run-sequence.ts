import { stat } from 'node:fs/promises';
import { expected, QuietframeError } from '../../errors.js';
import type { ExrPool } from '../../exr/pool.js';
import type { DenoiseExrFiles, DenoiseExrOptions } from '../../files/denoise-file/types.js';
import { framesDenoisedFrom, isDenoised } from '../../files/is-up-to-date.js';
import { measureFlicker } from '../../files/measure-flicker.js';
import { denoiseUsable } from '../../files/window/usable-window.js';
import type { MotionOrigin } from '../../files/window/window-motion.js';
import type { InputWarning } from '../../frame/frame.js';
import type { OverwriteGuard } from '../overwrite-guard.js';
import { readInput } from '../read-input.js';
import { fanOut } from './fan-out.js';
import { type DenoisedFrame, type FrameDenoiser, ServiceUnavailable } from './frame-denoiser.js';
import type { FramePattern } from './frame-pattern.js';
import { pathsOf, type ShotFiles } from './shot-files.js';
import { ShotSources } from './shot-sources.js';
import { WindowFiles } from './window-files.js';

/** What is the same for all frames of a shot. */
export interface ShotRequest extends DenoiseExrOptions, Pick<DenoiseExrFiles, 'lambdaMap'> {}

/** Makes pictures of results, and knows those that it has made. */
export interface ResultPictures {
  /**
   * The picture of a denoised file.
   * @param frames that it was denoised from.
   * @throws QuietframeError `cancelled`, `internal`.
   */
  encode(exr: Uint8Array, frames: number, signal: AbortSignal): Promise<Uint8Array>;
  /** From how many frames a picture was denoised; undefined for one of another request, shot or program. */
  framesOf(picture: Uint8Array): number | undefined;
}

export interface Sequence extends ShotFiles {
  readonly output: FramePattern;
  /** Numbers of the input's frames, ascending. */
  readonly frames: readonly number[];
  /** Those of them that are denoised; their windows reach beyond. */
  readonly chosen: readonly number[];
  /** Most frames of a window, odd: as many before the frame as after it. */
  readonly window: number;
  readonly request: ShotRequest;
  /** Where the results are pictures, and no OpenEXR. */
  readonly pictures?: ResultPictures;
  /** About the shot, with the frame that each was found in. */
  readonly warnings?: readonly { readonly frame: number; readonly warning: InputWarning }[];
}

/** What became of a frame. */
export interface FrameOutcome {
  readonly frame: number;
  readonly input: string;
  readonly output: string;
  readonly status: 'denoised' | 'skipped' | 'failed';
  /** The rest where it was denoised now. */
  readonly seconds?: number;
  readonly denoiser?: string;
  readonly device?: string;
  readonly model?: string;
  readonly windowUsed?: number;
  readonly motion?: MotionOrigin;
  readonly components?: 'beauty' | 'split';
  /** Files that were decoded for it; the others were still there. */
  readonly decoded?: number;
  /** Frames whose features were computed for it, once for each component. */
  readonly features?: number;
  /** Of the frame and its window, each with the file that it is about where that is another one. */
  readonly warnings?: readonly InputWarning[];
  readonly error?: string;
}

/** Frames whose output is not there, is older than a file of its window, or was made for another request. */
export async function framesToDo(sequence: Sequence, sources: ShotSources, pool: ExrPool): Promise<number[]> {
  const todo: number[] = [];
  const files = windowsOf(sequence, sources, pool);
  for (const frame of sequence.chosen) if (!(await isDone(frame, sequence, files, pool))) todo.push(frame);
  return todo;
}

/**
 * Denoises frames, as many at once as there are denoisers; a frame that fails is told and left out.
 * @param onOutcome told of each frame, in the order in which they end.
 */
export async function runSequence(
  sequence: Sequence,
  frames: readonly number[],
  denoisers: readonly FrameDenoiser[],
  sources: ShotSources,
  pool: ExrPool,
  guard: Pick<OverwriteGuard, 'write'>,
  signal: AbortSignal,
  onOutcome: (outcome: FrameOutcome) => void,
  onLost: (error: ServiceUnavailable) => void,
): Promise<void> {
  const files = (frame: number) => ({
    frame,
    input: sequence.input.path(frame),
    output: sequence.output.path(frame),
  });
  const windows = windowsOf(sequence, sources, pool);
  const work = async (frame: number, lane: number): Promise<'settled' | 'worker-lost'> => {
    const denoiser = denoisers[lane] as FrameDenoiser;
    const start = performance.now();
    try {
      const { exr, report, leftOut } = await denoiseFrame(frame, sequence, windows, denoiser, signal);
      const picture = await sequence.pictures?.encode(exr, report.windowUsed, signal);
      await guard.write(sequence.output.path(frame), picture ?? exr);
      onOutcome({
        ...files(frame),
        status: 'denoised',
        seconds: (performance.now() - start) / 1000,
        denoiser: denoiser.name,
        device: report.device,
        model: `${report.model}@${report.version}`,
        windowUsed: report.windowUsed,
        ...(report.motion && { motion: report.motion }),
        ...(report.components && { components: report.components }),
        ...(report.decoded && { decoded: report.decoded.misses }),
        ...(report.features && { features: report.features.misses }),
        warnings: [...leftOut, ...report.warnings],
      });
    } catch (error) {
      if (error instanceof ServiceUnavailable) {
        onLost(error);
        return 'worker-lost';
      }
      if (!(error instanceof QuietframeError) || error.code === 'cancelled') throw error;
      onOutcome({ ...files(frame), status: 'failed', error: error.message });
    }
    return 'settled';
  };
  for (const frame of await fanOut(frames, denoisers.length, work)) {
    onOutcome({ ...files(frame), status: 'failed', error: 'No service is left' });
  }
}

/** Denoises a frame from those of its window that can be used. @throws QuietframeError, ServiceUnavailable as the denoiser. */
async function denoiseFrame(
  frame: number,
  sequence: Sequence,
  windows: WindowFiles,
  denoiser: FrameDenoiser,
  signal: AbortSignal,
): Promise<DenoisedFrame & { readonly leftOut: readonly InputWarning[] }> {
  const window = windowOf(frame, sequence).map((other) => ({
    frame: other,
    name: sequence.input.path(other),
    offset: other - frame,
  }));
  const found: InputWarning[] = [];
  return denoiseUsable(
    window,
    async (usable) => {
      const files = await windows.read(
        frame,
        usable.map((other) => other.frame),
      );
      const denoised = await denoiser.denoise(files.window, signal);
      return { ...denoised, leftOut: [...found, ...files.leftOut.map(({ warning }) => warning)] };
    },
    (other, error) => found.push(windows.leaveOut(other.frame, error)),
  );
}

/** The files of a shot, as many at once as the windows of so many denoisers have. */
export function sourcesOf(sequence: Sequence, pool: ExrPool, denoisers: number): ShotSources {
  return new ShotSources(sequence, pool, denoisers * (sequence.window + 1));
}

function windowsOf(sequence: Sequence, sources: ShotSources, pool: ExrPool): WindowFiles {
  return new WindowFiles(sequence, sequence.frames, sequence.request, pool, sources);
}

/**
 * Flicker of each frame against the one before it, where both outputs are there.
 * @returns by frame number.
 */
export async function flickerOf(
  sequence: Sequence,
  sources: ShotSources,
  pool: ExrPool,
): Promise<Map<number, number>> {
  const { output, frames, chosen, request, pictures } = sequence;
  // Pictures have display values.
  if (pictures !== undefined) return new Map();
  const results = new ShotSources({ input: output }, pool, 2);
  const found = new Map<number, number>();
  for (const frame of chosen) {
    if (!frames.includes(frame - 1)) continue;
    try {
      const [previous, current, input] = await Promise.all([
        results.read(frame - 1),
        results.read(frame),
        sources.read(frame),
      ]);
      found.set(frame, await measureFlicker({ previous, current, input }, pool, request));
    } catch (error) {
      // A frame that failed has no flicker.
      if (!(error instanceof QuietframeError)) throw error;
    }
  }
  return found;
}

function windowOf(frame: number, { frames, window }: Sequence): number[] {
  const reach = (window - 1) / 2;
  return frames.filter((other) => Math.abs(other - frame) <= reach);
}

async function isDone(
  frame: number,
  sequence: Sequence,
  files: WindowFiles,
  pool: ExrPool,
): Promise<boolean> {
  const output = sequence.output.path(frame);
  const made = await stat(output).catch(() => undefined);
  if (made === undefined) return false;
  const window = windowOf(frame, sequence);
  for (const other of window) {
    for (const path of pathsOf(sequence, other)) {
      const read = await stat(path).catch(() => undefined);
      if (read === undefined || read.mtimeMs > made.mtimeMs) return false;
    }
  }
  try {
    const used = await usedFrames(sequence, output, pool);
    if (used === undefined) return false;
    // What could not be used when the output was made cannot be used now, for no file is newer.
    return used === window.length || used === (await files.countUsable(frame, window));
  } catch (error) {
    if (error instanceof QuietframeError) return false;
    throw error;
  }
}

/** From how many frames an output was made; undefined where that was for another request. @throws QuietframeError. */
async function usedFrames(sequence: Sequence, output: string, pool: ExrPool): Promise<number | undefined> {
  const file = await readInput(output);
  if (sequence.pictures !== undefined) return sequence.pictures.framesOf(file);
  const { header } = pool.open(file, { name: output });
  const used = framesDenoisedFrom(header);
  const request = { ...sequence.request, files: [...(sequence.aovFiles?.keys() ?? [])] };
  return used !== undefined && (await isDenoised(header, request, used)) ? used : undefined;
}

/** The error of a run with failed frames, which names them. */
export function failureOf(outcomes: readonly FrameOutcome[]): QuietframeError | undefined {
  const failed = outcomes.filter(({ status }) => status === 'failed').map(({ frame }) => frame);
  if (failed.length === 0) return undefined;
  const shown = failed.length > 20 ? `${failed.slice(0, 20).join(', ')} and more` : failed.join(', ');
  return new QuietframeError(
    'internal',
    expected('all frames denoised', 'the sequence', `failures of ${shown}`),
  );
}
