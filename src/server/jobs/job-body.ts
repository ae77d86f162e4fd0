import { expected, QuietframeError } from '../../errors.js';
import { MAX_WINDOW } from '../../limits.js';
import { parseDigest } from '../frames/frame-name.js';
import {
  aovsOf,
  lambdaOf,
  parseObject,
  parseStoredFrames,
  type StoredFrames,
  withGuide,
} from '../frames/frame-references.js';
import { type AovFiles, checkAovs } from '../http/upload.js';
import type { JobFrame } from './job.js';

/** Bytes of the JSON of a job: a shot of some ten thousand frames. */
export const JOB_JSON_LIMIT = 2 ** 22;

/** A body of JSON that asks for a job. */
export interface JobRequest {
  readonly frames: readonly JobFrame[];
  /** Everything else in the body: what the query could have had. */
  readonly parameters: Readonly<Record<string, string>>;
}

/**
 * Reads the JSON body of a job, which names its files by digest: one frame as for `POST /v1/denoise`; or a `sequence` of
 * frames, each of which is denoised with those around it that can be used (`window`, 7 by default, is how many together); or a list of
 * `windows`.
 * @throws QuietframeError `malformed-body`, `invalid-argument`; `too-large` for more than `maxFrames`.
 */
export function parseJob(body: Uint8Array, maxFrames: number): JobRequest {
  const { sequence, windows, window, ...rest } = parseObject(body);
  if (sequence === undefined && windows === undefined) {
    if (window !== undefined) throw malformed('window beside sequence alone');
    const stored = withGuide(parseStoredFrames(body));
    const { center, ...others } = stored.parameters;
    const { guide } = stored;
    return { frames: [{ ...jobFrame(stored, center), ...(guide && { guide }) }], parameters: others };
  }
  if (sequence !== undefined && windows !== undefined) throw malformed('a sequence or windows');
  const { frames, halves, center, ...others } = rest;
  if (frames !== undefined || halves !== undefined || center !== undefined) {
    throw malformed('frames, halves and center inside of windows');
  }
  const list = sequence ?? windows;
  if (!Array.isArray(list) || list.length === 0) throw malformed('at least one entry of sequence or windows');
  if (list.length > maxFrames) {
    throw new QuietframeError(
      'too-large',
      expected(`at most ${maxFrames}`, 'the frames of a job', list.length),
    );
  }
  if (windows !== undefined && window !== undefined) throw malformed('window beside sequence alone');
  const { aovs, others: fields } = aovsOf(others);
  if (sequence === undefined && aovs.size > 0)
    throw malformed('layers in files of their own inside of windows');
  const all =
    sequence === undefined ? list.map(parseWindow) : sequenceFrames(list.map(parseDigest), aovs, window);
  const { lambda, parameters } = lambdaOf(fields);
  return {
    frames: lambda === undefined ? all : all.map((frame) => ({ lambda, ...frame })),
    parameters,
  };
}

/** Each frame with its neighbors on both sides, as far as there are any, and the layers of all of them. */
function sequenceFrames(
  digests: readonly string[],
  aovs: AovFiles<string>,
  window: unknown = MAX_WINDOW,
): JobFrame[] {
  checkAovs(aovs, digests.length);
  if (!Number.isInteger(window) || !([1, 3, 5, 7] as unknown[]).includes(window)) {
    throw new QuietframeError('invalid-argument', expected('1, 3, 5 or 7', 'window', window), {
      parameter: 'window',
    });
  }
  const radius = ((window as number) - 1) / 2;
  return digests.map((_, index) => {
    const first = Math.max(0, index - radius);
    const inWindow = (files: readonly string[]): readonly string[] => files.slice(first, index + radius + 1);
    return {
      ...{ frames: inWindow(digests), center: index - first, ofShot: true },
      ...aovsField(mapValues(aovs, inWindow)),
    };
  });
}

function parseWindow(value: unknown, index: number): JobFrame {
  const known = typeof value === 'object' && value !== null ? { ...value } : {};
  const stored = parseStoredFrames(Buffer.from(JSON.stringify(known)));
  const { center, ...others } = stored.parameters;
  const [unknown] = Object.keys(others);
  if (unknown !== undefined) {
    const range = 'frames, halves, center, layers in files of their own, and lambda as a digest';
    const message = expected(range, `windows[${index}]`, unknown);
    throw new QuietframeError('unknown-parameter', message, { parameter: unknown.slice(0, 80) });
  }
  return jobFrame(stored, center);
}

function jobFrame({ frames, halves, lambda, aovs }: StoredFrames, center: string | undefined): JobFrame {
  const window = Math.max(1, frames.length);
  if (center !== undefined && !(/^\d$/.test(center) && Number(center) < window)) {
    throw new QuietframeError('invalid-argument', expected(`an index below ${window}`, 'center', center), {
      parameter: 'center',
    });
  }
  return {
    frames,
    ...(halves !== undefined && { halves }),
    ...(lambda !== undefined && { lambda }),
    ...(aovs !== undefined && aovsField(aovs)),
    ...(center !== undefined && { center: Number(center) }),
  };
}

/** Layers of a frame as a job is written down. */
function aovsField(aovs: AovFiles<string>): Pick<JobFrame, 'aovs'> {
  return aovs.size === 0 ? {} : { aovs: Object.fromEntries(aovs) };
}

function mapValues<Key, Value>(
  map: ReadonlyMap<Key, Value>,
  change: (value: Value) => Value,
): Map<Key, Value> {
  return new Map([...map].map(([key, value]) => [key, change(value)]));
}

function malformed(range: string): QuietframeError {
  return new QuietframeError('malformed-body', expected(range, 'the request body', 'something else'));
}
