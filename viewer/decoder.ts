import type { PartChannels } from '../src/frame/layers/part-channels.js';
import type { Box } from '../src/image/image.js';

/** What the header of a file tells, and the SHA-256 of its bytes. */
export interface Opened {
  readonly digest: string;
  readonly parts: readonly PartChannels[];
}

export interface Planes {
  readonly dataWindow: Box;
  readonly data: readonly Float32Array<ArrayBuffer>[];
}

export type DecodeTask =
  | { readonly id: number; readonly kind: 'open'; readonly file: Blob }
  | {
      readonly id: number;
      readonly kind: 'planes';
      readonly file: Blob;
      readonly part: number;
      readonly channels: readonly string[];
    }
  | { readonly id: number; readonly kind: 'errors'; readonly picture: Pixels; readonly reference: Pixels };

export type DecodeAnswer =
  | { readonly id: number; readonly opened: Opened }
  | { readonly id: number; readonly planes: Planes }
  | { readonly id: number; readonly errors: readonly number[] }
  | { readonly id: number; readonly error: string };

/** Interleaved RGBA. */
export interface Pixels {
  readonly width: number;
  readonly height: number;
  readonly data: Float32Array<ArrayBuffer>;
}

type Given =
  | { kind: 'errors'; picture: Pixels; reference: Pixels }
  | { kind: 'open'; file: Blob }
  | { kind: 'planes'; file: Blob; part: number; channels: readonly string[] };

/** Reads files in a worker of the browser, so that the page stays alive. */
export class Decoder {
  readonly #worker = new Worker(new URL('decode-worker.js', import.meta.url), { type: 'module' });
  readonly #waiting = new Map<
    number,
    { done: (answer: DecodeAnswer) => void; failed: (error: Error) => void }
  >();
  #next = 0;

  constructor() {
    this.#worker.addEventListener('message', ({ data }: MessageEvent<DecodeAnswer>) => {
      const waiting = this.#waiting.get(data.id);
      this.#waiting.delete(data.id);
      if ('error' in data) waiting?.failed(new Error(data.error));
      else waiting?.done(data);
    });
    this.#worker.addEventListener('error', () => {
      for (const { failed } of this.#waiting.values()) failed(new Error('The reader of files has stopped'));
      this.#waiting.clear();
    });
  }

  /** @throws Error with what is wrong with the file. */
  async open(file: Blob): Promise<Opened> {
    const answer = await this.#ask({ kind: 'open', file });
    if ('opened' in answer) return answer.opened;
    throw new Error('The reader of files has answered something else');
  }

  /** @throws Error with what is wrong with the file. */
  async planes(file: Blob, part: number, channels: readonly string[]): Promise<Planes> {
    const answer = await this.#ask({ kind: 'planes', file, part, channels });
    if ('planes' in answer) return answer.planes;
    throw new Error('The reader of files has answered something else');
  }

  /** SMAPE, relative mean squared error and DSSIM. */
  async errors(picture: Pixels, reference: Pixels): Promise<readonly number[]> {
    const answer = await this.#ask({ kind: 'errors', picture, reference });
    if ('errors' in answer) return answer.errors;
    throw new Error('The reader of files has answered something else');
  }

  #ask(given: Given): Promise<DecodeAnswer> {
    const id = this.#next++;
    return new Promise((done, failed) => {
      this.#waiting.set(id, { done, failed });
      this.#worker.postMessage({ id, ...given } satisfies DecodeTask);
    });
  }
}
