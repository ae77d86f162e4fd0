import { setTimeout as sleep } from 'node:timers/promises';
import { Agent, FormData, request } from 'undici';
import { ERROR_TABLE, type ErrorCode, QuietframeError } from '../../errors.js';
import type { ExrSource } from '../../exr/source.js';
import { partsOfMixed } from '../../files/multipart-mixed.js';
import type { InputWarning } from '../../frame/frame.js';
import { type FrameWindow, inTimeOrder, type PlacedFrame } from '../../frame/frame-window.js';
import { digestOf } from '../../io/sha256.js';
import { type DenoisedFrame, type FrameDenoiser, ServiceUnavailable } from './frame-denoiser.js';

export interface RetryOptions {
  /** Tries of a request whose service does not answer or fails. */
  readonly attempts: number;
  /** Tries of a request whose service is busy. */
  readonly busyAttempts: number;
  /** Seconds before the second try; doubled from try to try, with some chance. */
  readonly backoffSeconds: number;
  /** Most seconds between two tries, whatever Retry-After says. */
  readonly longestSeconds: number;
}

export const DEFAULT_RETRIES: RetryOptions = {
  attempts: 3,
  busyAttempts: 20,
  backoffSeconds: 0.5,
  longestSeconds: 60,
};

const EXR_MEDIA_TYPE = 'image/x-exr';
/** Times that frames are sent to a service whose cache may be too small for a window. */
const ROUNDS = 3;
const HALF_AN_HOUR = 1_800_000;
/** What services call the files of a window. */
const FRAME_NAMES = /\bframe\[\d+\]/g;

/** An answer other than success. */
interface Refusal {
  readonly status: number;
  readonly detail: string;
  readonly retryAfter: number | undefined;
  /** Frames that the service does not keep. */
  readonly missing?: readonly string[];
  /** What is wrong, where the service says so in words of this version. */
  readonly code?: ErrorCode;
  /** The file that it is about, as the service calls it. */
  readonly frame?: string;
}

/** An answer of success. */
interface Answer {
  readonly contentType: string;
  readonly bytes: Buffer;
}

/** What is sent of a file, and what it is called here. */
type WindowFile = Pick<ExrSource, 'bytes' | 'name' | 'sha256'>;
/** In time order. */
type WindowFiles = readonly PlacedFrame<WindowFile>[];

/** A quietframe service. */
export class RemoteDenoiser implements FrameDenoiser {
  readonly name: string;
  readonly #query: Readonly<Record<string, string>>;
  readonly #lambdaMap: Uint8Array | undefined;
  readonly #retries: RetryOptions;
  readonly #token: string | undefined;
  #keepsFrames = true;
  readonly #agent = new Agent({
    connect: { timeout: 10_000 },
    headersTimeout: HALF_AN_HOUR,
    bodyTimeout: HALF_AN_HOUR,
  });

  /**
   * @param query parameters of every request.
   * @param lambdaMap goes with every frame.
   * @param token of a service that asks for one.
   */
  constructor(
    url: string,
    query: Readonly<Record<string, string>>,
    retries: RetryOptions = DEFAULT_RETRIES,
    lambdaMap?: Uint8Array,
    token?: string,
  ) {
    this.name = url.replace(/\/+$/, '');
    this.#query = query;
    this.#lambdaMap = lambdaMap;
    this.#retries = retries;
    this.#token = token;
  }

  async denoise(window: FrameWindow<WindowFile>, signal: AbortSignal): Promise<DenoisedFrame> {
    const files = inTimeOrder(window);
    const { attempts, busyAttempts } = this.#retries;
    for (let failures = 0, waits = 0; ; ) {
      const answer = await this.#post(files, signal);
      if (!('status' in answer)) return answer;
      const { status, detail, retryAfter } = answer;
      if (status === 401) throw new ServiceUnavailable(`${this.name} does not let the caller in: ${detail}`);
      if (status === 503 || status === 429) {
        if (++waits >= busyAttempts) throw new ServiceUnavailable(`${this.name} stays busy: ${detail}`);
        await this.#wait(waits, retryAfter, signal);
      } else if (status === 0 || status === 408 || status >= 500) {
        if (++failures >= attempts) {
          if (status === 0) throw new ServiceUnavailable(`${this.name} does not answer: ${detail}`);
          throw new QuietframeError('internal', `${this.name} answered ${status}: ${detail}`);
        }
        await this.#wait(failures, retryAfter, signal);
      } else {
        const { code = 'malformed-request', frame } = answer;
        const name = frame === undefined ? undefined : fileNamed(frame, files);
        const message = `${this.name} answered ${status}: ${withFileNames(detail, files)}`;
        throw new QuietframeError(code, message, name === undefined ? {} : { frame: name });
      }
    }
  }

  async close(): Promise<void> {
    await this.#agent.destroy();
  }

  /** The answer, or why there is none, with the service's names of files in warnings replaced by those of the window. */
  async #post(files: WindowFiles, signal: AbortSignal): Promise<DenoisedFrame | Refusal> {
    const answer = await this.#ask(files, signal);
    if ('status' in answer) return answer;
    const { exr, report } = answer;
    const named = (warning: InputWarning): InputWarning => {
      const message = withFileNames(warning.message, files);
      const frame = warning.frame && fileNamed(warning.frame, files);
      return { ...warning, message, ...(frame !== undefined && { frame }) };
    };
    return { exr, report: { ...report, warnings: report.warnings.map(named) } };
  }

  /** The answer as it is, or why there is none. Frames that windows share are sent once, as far as the service keeps them. */
  async #ask(window: WindowFiles, signal: AbortSignal): Promise<DenoisedFrame | Refusal> {
    const center = window.findIndex(({ offset }) => offset === 0);
    const query = new URLSearchParams({ ...this.#query, center: String(center) });
    const path = `/v1/denoise?${query}`;
    const digests = await Promise.all(window.map(({ value }) => value.sha256()));
    const files = new Map(window.map(({ value }, i) => [digests[i] as string, value.bytes]));
    const map = this.#lambdaMap;
    const lambda = map && (await digestOf(map));
    const named = JSON.stringify({ frames: [...files.keys()], lambda });
    // A frame that is named twice has one digest: such windows, and single frames, go as they are.
    let isKept = this.#keepsFrames && window.length > 1 && files.size === window.length;
    if (map !== undefined && lambda !== undefined) files.set(lambda, map);
    for (let round = 0; isKept && round < ROUNDS; round++) {
      const answer = await this.#send('POST', path, named, 'application/json', signal);
      const missing = 'status' in answer ? (answer.missing ?? []).filter((digest) => files.has(digest)) : [];
      if (!('status' in answer) || missing.length === 0) return fileOf(answer);
      for (const digest of missing) {
        const put = await this.#send(
          'PUT',
          `/v1/frames/${digest}`,
          files.get(digest),
          EXR_MEDIA_TYPE,
          signal,
        );
        if (!('status' in put)) continue;
        if (put.status !== 404 && put.status !== 405 && put.status !== 413) {
          // The service was sent one file, which has no place in the window for it.
          const index = digests.indexOf(digest);
          return index < 0 ? put : { ...put, frame: `frame[${index}]` };
        }
        this.#keepsFrames = isKept = false;
        break;
      }
    }
    const form = new FormData();
    for (const { value } of window) {
      form.append('frame', new Blob([new Uint8Array(value.bytes)], { type: EXR_MEDIA_TYPE }), 'frame.exr');
    }
    if (map !== undefined) {
      form.append('lambda', new Blob([new Uint8Array(map)], { type: EXR_MEDIA_TYPE }), 'lambda.exr');
    }
    return fileOf(await this.#send('POST', path, form, undefined, signal));
  }

  /** A request; status 0 where the service cannot be reached. */
  async #send(
    method: 'POST' | 'PUT',
    path: string,
    body: string | Uint8Array | FormData | undefined,
    contentType: string | undefined,
    signal: AbortSignal,
  ): Promise<Answer | Refusal> {
    try {
      const answer = await request(this.name + path, {
        method,
        headers: {
          accept: 'multipart/mixed',
          ...(this.#token !== undefined && { authorization: `Bearer ${this.#token}` }),
          ...(contentType !== undefined && { 'content-type': contentType }),
        },
        body: body ?? null,
        signal,
        dispatcher: this.#agent,
      });
      const bytes = Buffer.from(await answer.body.arrayBuffer());
      if (answer.statusCode >= 200 && answer.statusCode < 300) {
        return { contentType: String(answer.headers['content-type']), bytes };
      }
      const retryAfter = retryAfterOf(answer.headers['retry-after']);
      return { status: answer.statusCode, retryAfter, ...problemIn(bytes) };
    } catch (error) {
      if (signal.aborted) throw cancelled();
      return { status: 0, detail: error instanceof Error ? error.message : '', retryAfter: undefined };
    }
  }

  async #wait(tries: number, retryAfter: number | undefined, signal: AbortSignal): Promise<void> {
    const { backoffSeconds, longestSeconds } = this.#retries;
    const backoff = backoffSeconds * 2 ** Math.min(10, tries - 1) * (0.75 + 0.5 * Math.random());
    const seconds = Math.min(longestSeconds, retryAfter ?? backoff);
    await sleep(1000 * seconds, undefined, { signal }).catch(() => {
      throw cancelled();
    });
  }
}

/** Seconds of a Retry-After header: a number, or a date. */
function retryAfterOf(header: string | string[] | undefined): number | undefined {
  if (typeof header !== 'string') return undefined;
  const seconds = /^\d+$/.test(header) ? Number(header) : (Date.parse(header) - Date.now()) / 1000;
  return Number.isFinite(seconds) ? Math.max(0, seconds) : undefined;
}

/** Report and file of an answer. */
function fileOf(answer: Answer | Refusal): DenoisedFrame | Refusal {
  if ('status' in answer) return answer;
  const [report, exr] = partsOfMixed(answer.contentType, answer.bytes);
  if (report !== undefined && exr !== undefined) return { exr, report: JSON.parse(report.toString('utf8')) };
  return { status: 502, detail: 'not a report and a file', retryAfter: undefined };
}

/** The file of the window that a service calls `frame[index]`. */
function fileNamed(frame: string, window: WindowFiles): string | undefined {
  return window[Number(/^frame\[(\d+)\]$/.exec(frame)?.[1])]?.value.name;
}

/** A sentence of the service in which frames have the names of their files. */
function withFileNames(text: string, files: WindowFiles): string {
  return text.replaceAll(FRAME_NAMES, (frame) => fileNamed(frame, files) ?? frame);
}

/** What a problem document tells. */
function problemIn(body: Buffer): Pick<Refusal, 'detail' | 'missing' | 'code' | 'frame'> {
  try {
    const { detail, missing, type, frame } = JSON.parse(body.toString('utf8')) as Record<string, unknown>;
    const digests = Array.isArray(missing) ? missing.filter((each) => typeof each === 'string') : [];
    const code = typeof type === 'string' ? type.slice(type.lastIndexOf(':') + 1) : '';
    if (typeof detail === 'string') {
      return {
        ...{ detail, missing: digests },
        ...(isErrorCode(code) && { code }),
        ...(typeof frame === 'string' && { frame }),
      };
    }
  } catch {
    // A proxy in between may answer anything.
  }
  return { detail: 'without a reason' };
}

/** Whether it is a code of a failed request; `cancelled` is for what is cancelled here. */
function isErrorCode(text: string): text is ErrorCode {
  return Object.hasOwn(ERROR_TABLE, text) && text !== 'cancelled';
}

function cancelled(): QuietframeError {
  return new QuietframeError('cancelled', 'The sequence was cancelled');
}
