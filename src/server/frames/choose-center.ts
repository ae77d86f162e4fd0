import { expected, QuietframeError } from '../../errors.js';
import type { ExrSummary } from '../../exr/worker.js';
import type { DenoiseExrRequest } from '../../files/denoise-file/types.js';
import { boxHeight, boxWidth } from '../../image/image.js';
import type { Upload } from '../http/upload.js';
import { missingFrames, type SourceFile } from './source-files.js';

/** Files of a request by what they are for. */
export interface SelectedFiles<File> {
  readonly exr: File;
  readonly frameName: string;
  readonly halves?: readonly [File, File];
  readonly neighbors?: readonly { readonly exr: File; readonly offset: number; readonly name: string }[];
  readonly lambdaMap?: File;
  readonly guide?: File;
}

/** What of an upload is denoised, and with which other files. */
export interface SelectedFrames {
  readonly files: SelectedFiles<SourceFile>;
  /** Headers of the frames, the half buffers and the guide. */
  readonly headers: ReadonlyMap<SourceFile, ExrSummary>;
  /** Frames in the window and the index of the denoised one. */
  readonly frames: number;
  readonly center: number;
}

/** Files in memory, as the work on them takes them. */
export type LoadedFiles = Pick<
  DenoiseExrRequest,
  'exr' | 'frameName' | 'halves' | 'neighbors' | 'lambdaMap' | 'guide' | 'digests'
>;

/**
 * Checks the headers of all files of an upload, so that a damaged or absurd one is refused before any work, and picks the
 * frame to denoise. Without a frame, the first half buffer stands for it.
 * @param center index of the frame; by default the middle one, of two middle ones the later.
 * @param first what the first frame is called: `frame[first]`, in the order of whatever the client has sent.
 * @throws QuietframeError `invalid-argument` for a centre outside the window; `mismatched-frames` where sizes differ;
 * `malformed-exr`, `unsupported-exr` and `too-large`, each naming the frame; `missing-frames`.
 */
export async function selectFrames(
  { frames, halves, lambda, guide }: Upload<SourceFile>,
  center: number | undefined,
  first = 0,
): Promise<SelectedFrames> {
  const window = frames.length === 0 && halves !== undefined ? [halves[0]] : frames;
  const index = centerOf(window.length, center);
  const name = (i: number): string => `frame[${first + i}]`;
  const headers = await checkSizes(
    frames.map((file, i) => [name(i), file] as const),
    halves,
  );
  if (guide !== undefined) headers.set(guide, await headerOf(guide, 'guide'));
  const neighbors = window.flatMap((exr, i) =>
    i === index ? [] : { exr, offset: i - index, name: name(i) },
  );
  return {
    files: {
      exr: window[index] as SourceFile,
      frameName: frames.length === 0 ? 'half_a' : name(index),
      ...(halves && { halves }),
      ...(lambda && { lambdaMap: lambda }),
      ...(guide && { guide }),
      ...(neighbors.length > 0 && { neighbors }),
    },
    headers,
    frames: window.length,
    center: index,
  };
}

/**
 * Brings the files of a selection into memory; this belongs into the turn of its request.
 * @throws QuietframeError `missing-frames`, with all digests that have to be sent.
 */
export async function loadFiles(files: SelectedFiles<SourceFile>): Promise<LoadedFiles> {
  const { exr, frameName, halves, neighbors = [], lambdaMap, guide } = files;
  const all = new Set(
    [exr, ...(halves ?? []), ...neighbors.map((each) => each.exr), lambdaMap, guide].filter(
      (file) => file !== undefined,
    ),
  );
  const loaded = new Map<SourceFile, Uint8Array>();
  const digests = new Map<Uint8Array, string>();
  const missing: string[] = [];
  for (const file of all) {
    try {
      const bytes = await file.load();
      loaded.set(file, bytes);
      if (file.digest !== undefined) digests.set(bytes, file.digest);
    } catch (error) {
      if (!(error instanceof QuietframeError && error.code === 'missing-frames')) throw error;
      missing.push(...(error.details.missing ?? []));
    }
  }
  if (missing.length > 0) throw missingFrames(missing);
  const bytes = (file: SourceFile): Uint8Array => loaded.get(file) as Uint8Array;
  return {
    exr: bytes(exr),
    frameName,
    ...(digests.size > 0 && { digests }),
    ...(halves && { halves: [bytes(halves[0]), bytes(halves[1])] as const }),
    ...(lambdaMap && { lambdaMap: bytes(lambdaMap) }),
    ...(guide && { guide: bytes(guide) }),
    ...(neighbors.length > 0 && {
      neighbors: neighbors.map(({ exr, ...rest }) => ({ ...rest, exr: bytes(exr) })),
    }),
  };
}

function centerOf(frames: number, center = Math.floor(frames / 2)): number {
  if (center < frames) return center;
  throw new QuietframeError('invalid-argument', expected(`an index below ${frames}`, 'center', center), {
    parameter: 'center',
  });
}

async function checkSizes(
  frames: readonly (readonly [name: string, file: SourceFile])[],
  halves: Upload<SourceFile>['halves'],
): Promise<Map<SourceFile, ExrSummary>> {
  const named = [...frames];
  if (halves !== undefined) named.push(['half_a', halves[0]], ['half_b', halves[1]]);
  const headers = new Map<SourceFile, ExrSummary>();
  let first: string | undefined;
  for (const [frame, file] of named) {
    const header = await headerOf(file, frame);
    headers.set(file, header);
    const size = sizesOf(header);
    first ??= size;
    if (size !== first) {
      throw new QuietframeError('mismatched-frames', expected(`${first} pixels`, frame, size), { frame });
    }
  }
  return headers;
}

/** The checked header of a file. @throws QuietframeError as `SourceFile.header`, naming the file. */
export async function headerOf(file: SourceFile, frame: string): Promise<ExrSummary> {
  try {
    return await file.header();
  } catch (error) {
    if (!(error instanceof QuietframeError)) throw error;
    throw new QuietframeError(error.code, error.message, { frame, ...error.details }, { cause: error });
  }
}

/** The sizes that parts have, each once, as `8x4, 4x2`: half buffers may have more parts than a frame. */
export function sizesOf({ parts }: ExrSummary): string {
  const sizes = parts.map(({ dataWindow }) => `${boxWidth(dataWindow)}x${boxHeight(dataWindow)}`);
  return [...new Set(sizes)].join(', ');
}
