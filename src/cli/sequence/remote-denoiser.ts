import { setTimeout as sleep } from 'node:timers/promises';
import { Agent, FormData, request } from 'undici';
import { QuietframeError } from '../../errors.js';
import { partsOfMixed } from '../../workflow/multipart-mixed.js';
import { type DenoisedFrame, DenoiserLost, type FrameDenoiser, type FrameFiles } from './frame-denoiser.js';

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

const HALF_AN_HOUR = 1_800_000;

/** An answer other than success. */
interface Refusal {
  readonly status: number;
  readonly detail: string;
  readonly retryAfter: number | undefined;
}

/** A quietframe service. */
export class RemoteDenoiser implements FrameDenoiser {
  readonly name: string;
  readonly #query: Readonly<Record<string, string>>;
  readonly #retries: RetryOptions;
  readonly #agent = new Agent({
    connect: { timeout: 10_000 },
    headersTimeout: HALF_AN_HOUR,
    bodyTimeout: HALF_AN_HOUR,
  });

  /** @param query parameters of every request. */
  constructor(url: string, query: Readonly<Record<string, string>>, retries: RetryOptions = DEFAULT_RETRIES) {
    this.name = url.replace(/\/+$/, '');
    this.#query = query;
    this.#retries = retries;
  }

  async denoise(files: FrameFiles, signal: AbortSignal): Promise<DenoisedFrame> {
    const { attempts, busyAttempts } = this.#retries;
    for (let failures = 0, waits = 0; ; ) {
      const answer = await this.#post(files, signal);
      if (!('status' in answer)) return answer;
      const { status, detail, retryAfter } = answer;
      if (status === 503 || status === 429) {
        if (++waits >= busyAttempts) throw new DenoiserLost(`${this.name} stays busy: ${detail}`);
        await this.#wait(waits, retryAfter, signal);
      } else if (status === 0 || status === 408 || status >= 500) {
        if (++failures >= attempts) {
          if (status === 0) throw new DenoiserLost(`${this.name} does not answer: ${detail}`);
          throw new QuietframeError('internal', `${this.name} answered ${status}: ${detail}`);
        }
        await this.#wait(failures, retryAfter, signal);
      } else {
        throw new QuietframeError('malformed-request', `${this.name} answered ${status}: ${detail}`);
      }
    }
  }

  async close(): Promise<void> {
    await this.#agent.destroy();
  }

  /** The answer, or why there is none; status 0 where the service cannot be reached. */
  async #post({ window }: FrameFiles, signal: AbortSignal): Promise<DenoisedFrame | Refusal> {
    const form = new FormData();
    for (const { exr } of window) {
      form.append('frame', new Blob([new Uint8Array(exr)], { type: 'image/x-exr' }), 'frame.exr');
    }
    const center = window.findIndex(({ offset }) => offset === 0);
    const query = new URLSearchParams({ ...this.#query, center: String(center) });
    try {
      const { statusCode, headers, body } = await request(`${this.name}/v1/denoise?${query}`, {
        method: 'POST',
        headers: { accept: 'multipart/mixed' },
        body: form,
        signal,
        dispatcher: this.#agent,
      });
      const bytes = Buffer.from(await body.arrayBuffer());
      if (statusCode !== 200) {
        return {
          status: statusCode,
          detail: detailOf(bytes),
          retryAfter: retryAfterOf(headers['retry-after']),
        };
      }
      const [report, exr] = partsOfMixed(String(headers['content-type']), bytes);
      if (report === undefined || exr === undefined) {
        return { status: 502, detail: 'not a report and a file', retryAfter: undefined };
      }
      return { exr, report: JSON.parse(report.toString('utf8')) };
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

/** The `detail` of a problem document. */
function detailOf(body: Buffer): string {
  try {
    const { detail } = JSON.parse(body.toString('utf8')) as { detail?: unknown };
    if (typeof detail === 'string') return detail;
  } catch {
    // A proxy in between may answer anything.
  }
  return 'without a reason';
}

function cancelled(): QuietframeError {
  return new QuietframeError('cancelled', 'The sequence was cancelled');
}
