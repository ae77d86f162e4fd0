import { type EventSourceMessage, EventSourceParserStream } from 'eventsource-parser/stream';

/** A file with its digest. */
export interface Content {
  readonly digest: string;
  readonly file: Blob;
}

/** What of a report the viewer shows. */
export interface Report {
  readonly model: string;
  readonly version: number;
  readonly device: string;
  readonly windowUsed: number;
  readonly wrap: 'x' | 'none';
  readonly seconds?: number;
  readonly stages: Readonly<Record<string, number>>;
  readonly warnings: readonly { readonly code: string; readonly message: string }[];
  readonly predictedError?: { readonly smape: number };
}

/** What the network does for one pixel of a level. */
export interface ExplainedLevel {
  /** None at the coarsest level. */
  readonly blendWeight?: number;
  readonly kernel: { readonly size: number; readonly weights: readonly number[] };
  /** In a window: the shares of this frame and of the others. */
  readonly fusion?: {
    readonly share: number;
    readonly frames: readonly { readonly offset: number; readonly share: number }[];
  };
}

export interface ExplainedPixel {
  readonly denoisedWeight: number;
  /** The finest first. */
  readonly levels: readonly ExplainedLevel[];
}

/** A frame of a job, as events tell it. */
export interface FrameStatus {
  readonly index: number;
  readonly state: string;
  readonly progress?: number;
  /** Path of what is there while the service works on it. */
  readonly partial?: string;
  readonly error?: { readonly detail: string; readonly type: string };
}

export interface JobStatus {
  readonly id: string;
  readonly state: string;
  readonly progress: number;
  readonly total: number;
  readonly done: number;
  readonly frames: readonly FrameStatus[];
}

const GONE = 'Is it running, and is the network there?';

/** A problem document of the service. */
export class Problem extends Error {
  constructor(
    readonly code: string,
    message: string,
    readonly missing: readonly string[] = [],
  ) {
    super(message);
  }
}

/** The interface of HTTP, as far as the viewer uses it. */
export class Service {
  /** Where the service asks for one. */
  token = '';
  /** Files that are sent, by digest: requests with one signal send a file once. */
  readonly #uploads = new WeakMap<AbortSignal, Map<string, Promise<unknown>>>();

  async models(): Promise<string[]> {
    const answer = await this.#fetch('v1/models');
    const { models } = (await answer.json()) as { models: { name: string; version: number }[] };
    return models.map(({ name, version }) => `${name}@${version}`);
  }

  /**
   * Asks for a job whose frames are named by digest; sends those that the service does not have.
   * @param onSend is told which file of how many is sent, from 1.
   */
  async startJob(
    body: object,
    contents: readonly Content[],
    signal: AbortSignal,
    onSend: (sent: number, count: number) => void,
  ): Promise<JobStatus> {
    const answer = await this.#withFrames('v1/jobs', body, contents, signal, {}, onSend);
    return (await answer.json()) as JobStatus;
  }

  /**
   * Each change of a job until it has ended. A connection that is lost is made again as long as that brings something new.
   * @throws Problem `gone` when it does not.
   */
  async *events(id: string, signal: AbortSignal): AsyncGenerator<JobStatus> {
    let seen = '0';
    for (let isNew = true; isNew; ) {
      isNew = false;
      // Not EventSource, which sends no token.
      const { body } = await this.#fetch(`v1/jobs/${id}/events`, {
        signal,
        headers: { 'last-event-id': seen },
      });
      for await (const { event, id: eventId, data } of eventsOf(body)) {
        isNew = true;
        seen = eventId ?? seen;
        yield JSON.parse(data) as JobStatus;
        if (event === 'end') return;
      }
    }
    throw new Problem('gone', GONE);
  }

  async cancel(id: string): Promise<void> {
    await this.#fetch(`v1/jobs/${id}`, { method: 'DELETE' });
  }

  /** What is there of a frame that the service works on. */
  async partial(path: string, signal: AbortSignal): Promise<Blob> {
    return (await this.#fetch(path.replace(/^\//, ''), { signal })).blob();
  }

  /** The denoised file of a frame of a job, and its report. */
  async result(id: string, index: number, signal: AbortSignal): Promise<{ file: Blob; report: Report }> {
    const path = `v1/jobs/${id}/results/${index}`;
    const file = await this.#fetch(path, { signal, headers: { accept: 'image/x-exr' } });
    const report = await this.#fetch(path, { signal, headers: { accept: 'application/json' } });
    return { file: await file.blob(), report: (await report.json()) as Report };
  }

  /** A denoised frame, or a region of one, at once. */
  async denoise(
    body: object,
    contents: readonly Content[],
    signal: AbortSignal,
  ): Promise<{ file: Blob; timing: string }> {
    const answer = await this.#withFrames('v1/denoise', body, contents, signal, { accept: 'image/x-exr' });
    return { file: await answer.blob(), timing: answer.headers.get('server-timing') ?? '' };
  }

  /** The kernels of the pixels that the body names. */
  async kernels(
    body: object,
    contents: readonly Content[],
    signal: AbortSignal,
  ): Promise<readonly ExplainedPixel[]> {
    const headers = { accept: 'application/json' };
    const answer = await this.#withFrames('v1/denoise', body, contents, signal, headers);
    const { kernels } = (await answer.json()) as { kernels?: readonly ExplainedPixel[] };
    return kernels ?? [];
  }

  async #withFrames(
    path: string,
    body: object,
    contents: readonly Content[],
    signal: AbortSignal,
    headers: Record<string, string> = {},
    onSend: (sent: number, count: number) => void = () => {},
  ): Promise<Response> {
    const ask = (): Promise<Response> =>
      this.#fetch(path, {
        ...{ method: 'POST', signal, body: JSON.stringify(body) },
        headers: { ...headers, 'content-type': 'application/json' },
      });
    try {
      return await ask();
    } catch (error) {
      if (!(error instanceof Problem) || error.code !== 'missing-frames') throw error;
      const wanted = contents.filter(({ digest }) => error.missing.includes(digest));
      for (const [i, content] of wanted.entries()) {
        onSend(i + 1, wanted.length);
        await this.#send(content, signal);
      }
      return ask();
    }
  }

  async #send({ digest, file }: Content, signal: AbortSignal): Promise<void> {
    const uploads = this.#uploads.get(signal) ?? new Map<string, Promise<unknown>>();
    this.#uploads.set(signal, uploads);
    let upload = uploads.get(digest);
    if (upload === undefined) {
      const init = { method: 'PUT', signal, body: file, headers: { 'content-type': 'image/x-exr' } };
      // The service may need it again later.
      upload = this.#fetch(`v1/frames/${digest}`, init).finally(() => uploads.delete(digest));
      uploads.set(digest, upload);
    }
    await upload;
  }

  async #fetch(path: string, init: RequestInit = {}): Promise<Response> {
    const headers = new Headers(init.headers);
    if (this.token !== '') headers.set('authorization', `Bearer ${this.token}`);
    const answer = await fetch(path, { ...init, headers }).catch((error: unknown) => {
      if (init.signal?.aborted) throw error;
      throw new Problem('gone', GONE);
    });
    if (answer.ok) return answer;
    const problem = (await answer.json().catch(() => ({}))) as {
      type?: string;
      detail?: string;
      missing?: string[];
    };
    const code = problem.type?.split(':').at(-1) ?? 'unknown';
    throw new Problem(code, problem.detail ?? `The service has answered ${answer.status}`, problem.missing);
  }
}

/** Events as they arrive. A lost connection ends the stream, like a service that has nothing more to send. */
async function* eventsOf(
  body: ReadableStream<Uint8Array<ArrayBuffer>> | null,
): AsyncGenerator<EventSourceMessage> {
  const reader = body
    ?.pipeThrough(new TextDecoderStream())
    .pipeThrough(new EventSourceParserStream())
    .getReader();
  for (;;) {
    const next = await reader?.read().catch((error: unknown) => {
      if (error instanceof DOMException && error.name === 'AbortError') throw error;
    });
    if (next === undefined || next.done) return;
    yield next.value;
  }
}
