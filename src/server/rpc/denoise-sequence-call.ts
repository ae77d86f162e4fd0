import type { MessageInitShape } from '@bufbuild/protobuf';
import type { HandlerContext } from '@connectrpc/connect';
import { expected, QuietframeError } from '../../errors.js';
import type { DenoiseExrRequest } from '../../files/denoise-file/types.js';
import { digestOf } from '../../io/sha256.js';
import { MAX_WINDOW } from '../../limits.js';
import type { AppContext } from '../context.js';
import { parseDigest } from '../frames/frame-name.js';
import type { OwnedFrames } from '../frames/owned-frames.js';
import { isOfTheFrame, Shot } from '../frames/shot-window.js';
import type { SourceFile } from '../frames/source-files.js';
import {
  type DenoiseSequenceOptions,
  type DenoiseSequenceRequest,
  type DenoiseSequenceResponseSchema,
  FileRole,
  type InputFile,
} from '../gen/quietframe/v1/denoiser_pb.js';
import { parseDenoiseQuery } from '../http/denoise-query.js';
import { admitRequest } from '../queue/admission.js';
import type { QueueSlot } from '../queue/queue-slot.js';
import type { UploadScope } from '../queue/upload-memory.js';
import { callerOf, callTerms, STAGES } from './call-terms.js';
import { denoiseSelected, queryOf, Stopwatch } from './denoise-call.js';
import { readingOf, readMessages } from './read-messages.js';
import { checkFile, MAX_CHUNK_BYTES, malformed, stored } from './receive-files.js';
import { problemMessage } from './rpc-error.js';
import { watchReader } from './watch-reader.js';

type Messages = AsyncIterator<DenoiseSequenceRequest, unknown>;

/**
 * `DenoiserService.DenoiseSequence`. It holds one place, and the frames of one window, however long the shot is: what comes
 * after is read when a frame has been answered, so that the flow control of HTTP/2 slows the client down. A frame whose file
 * is at fault is answered with its problem, and the rest of the shot goes on.
 */
export async function* denoiseSequenceCall(
  requests: AsyncIterable<DenoiseSequenceRequest>,
  call: HandlerContext,
  context: AppContext,
): AsyncGenerator<MessageInitShape<typeof DenoiseSequenceResponseSchema>> {
  const { deps, uploads } = context;
  const { signal } = call;
  const messages = readMessages(requests, { ...readingOf(call, context), each: true });
  /** Of the frames that have arrived since the last work. */
  let memory = uploads.open();
  let place: QueueSlot | undefined;
  const frames = context.framesOf(callerOf(call).name);
  const reader = new FrameReader(messages, context, frames);
  try {
    const { options, radius, lambdaSha256 } = await receiveOptions(messages);
    const query = parseDenoiseQuery(options === undefined ? {} : queryOf(options), deps.denoiser.models);
    const taken = admitRequest(callTerms(call), context);
    place = taken;
    messages.endWith(taken.lost);
    const gone = (): void => {
      taken.leave();
      reader.releaseAll();
    };
    signal.addEventListener('abort', gone, { once: true });
    const lambda =
      lambdaSha256 === ''
        ? undefined
        : stored(parseDigest(lambdaSha256), context.files, frames, context.metrics);
    /** Frames of the window, of which the first has the index `first`. */
    const window: SourceFile[] = [];
    let first = 0;
    const shot = new Shot();
    let failure: QuietframeError | undefined;
    for (let index = 0; ; index++) {
      const watch = new Stopwatch();
      call.values.set(STAGES, watch.stages);
      taken.arrive();
      while (first + window.length <= index + radius) {
        const frame = await reader.next(sizeOf(window), memory);
        if (frame === undefined) break;
        window.push(frame);
      }
      if (index >= first + window.length) break;
      if (index - radius > first) {
        window.shift();
        reader.releaseFirst();
        first++;
      }
      try {
        const selected = await shot.select({
          ...{ frames: [...window], center: index - first, first },
          ...(lambda && { lambda }),
        });
        watch.lap('receive');
        const denoise = (request: DenoiseExrRequest) =>
          shot.denoise(selected, request, (each) => deps.denoiseExr(each));
        const work = { selected, query, place: taken, signal, watch, memory, endsPlace: false, denoise };
        for await (const { message } of watchReader(denoiseSelected(work, context), call, context)) {
          yield { frame: index, message };
        }
      } catch (error) {
        if (!(error instanceof QuietframeError) || !isOfTheFrame(error)) throw error;
        failure ??= error;
        // The windows to come need the frames that arrived with this one.
        memory.handOver();
        yield { frame: index, message: { case: 'problem', value: problemMessage(error) } };
      }
      memory.release();
      memory = uploads.open();
    }
    if (first + window.length === 0) throw malformed('at least one', 'the frames', 'none');
    if (failure !== undefined) throw failure;
  } finally {
    memory.release();
    reader.releaseAll();
    place?.leave();
    void messages.return();
  }
}

async function receiveOptions(messages: Messages): Promise<
  Pick<DenoiseSequenceOptions, 'options' | 'lambdaSha256'> & {
    /** Frames on each side. */
    readonly radius: number;
  }
> {
  const { done, value } = await messages.next();
  if (done || value.message.case !== 'options') {
    throw malformed('options', 'the first message', done ? 'no message' : value.message.case);
  }
  const { options, window, lambdaSha256 } = value.message.value;
  if (options !== undefined && (options.files.length > 0 || options.center !== undefined)) {
    throw malformed('no files and no center', 'the options of a sequence', 'some');
  }
  const frames = window === 0 ? MAX_WINDOW : window;
  if (frames > MAX_WINDOW || frames % 2 === 0) {
    throw new QuietframeError('invalid-argument', expected('1, 3, 5 or 7', 'window', window), {
      parameter: 'window',
    });
  }
  return { options, lambdaSha256, radius: (frames - 1) / 2 };
}

/** The frames of a client, one at a time. */
class FrameReader {
  readonly #messages: Messages;
  readonly #context: AppContext;
  /** Kept frames of the caller. */
  readonly #frames: OwnedFrames;
  /** Gives back what is reserved for each frame of the window, in order. */
  readonly #reserved: (() => void)[] = [];
  #count = 0;
  #ended = false;

  constructor(messages: Messages, context: AppContext, frames: OwnedFrames) {
    this.#messages = messages;
    this.#context = context;
    this.#frames = frames;
  }

  /** The first frame has left the window. */
  releaseFirst(): void {
    this.#reserved.shift()?.();
  }

  releaseAll(): void {
    for (const release of this.#reserved.splice(0)) release();
  }

  /**
   * @param held bytes of the window so far.
   * @returns undefined when there are no more frames.
   * @throws QuietframeError `malformed-body`, `too-large`, `overloaded`, `missing-frames`, and as the messages do.
   */
  async next(held: number, memory: UploadScope): Promise<SourceFile | undefined> {
    const { config, files, metrics, uploadBudget } = this.#context;
    if (this.#ended) return undefined;
    const { done, value } = await this.#messages.next();
    if (done) {
      this.#ended = true;
      return undefined;
    }
    if (value.message.case !== 'frame')
      throw malformed('a frame', 'a message between frames', value.message.case);
    const file = value.message.value;
    const name = `frame[${this.#count++}]`;
    if (this.#count > config.maxJobFrames) {
      throw new QuietframeError(
        'too-large',
        expected(`at most ${config.maxJobFrames}`, 'the frames', 'more'),
      );
    }
    if (file.role > FileRole.FRAME) throw malformed('FILE_ROLE_FRAME', `role of ${name}`, file.role);
    checkFile(file, name);
    if (file.sha256 !== '') {
      this.#reserved.push(() => {});
      return stored(file.sha256, files, this.#frames, metrics);
    }
    const size = Number(file.sizeBytes);
    if (held + size > config.maxUploadBytes) {
      const message = expected(`at most ${config.maxUploadBytes}`, 'the bytes of a window', held + size);
      throw new QuietframeError('too-large', message, { frame: name });
    }
    this.#reserved.push(uploadBudget.reserve(size));
    const bytes = await this.#receive(file, name, memory);
    metrics.received(size);
    // The buffer serves other uploads when this one is refused.
    if (file.keep) await this.#frames.put(await digestOf(bytes), new Uint8Array(bytes));
    return files.uploaded(bytes);
  }

  async #receive({ sizeBytes }: InputFile, name: string, memory: UploadScope): Promise<Uint8Array> {
    const bytes = memory.take(Number(sizeBytes)).subarray(0, Number(sizeBytes));
    for (let length = 0; length < bytes.length; ) {
      const { done, value } = await this.#messages.next();
      const received = done ? 'the end' : (value.message.case ?? 'an empty message');
      if (done || value.message.case !== 'chunk')
        throw malformed('a chunk', `a message of ${name}`, received);
      const { value: chunk } = value.message;
      if (chunk.length === 0 || chunk.length > MAX_CHUNK_BYTES) {
        throw malformed(`1 to ${MAX_CHUNK_BYTES}`, 'the bytes of a chunk', chunk.length);
      }
      if (length + chunk.length > bytes.length)
        throw malformed(`${bytes.length}`, `the bytes of ${name}`, 'more');
      bytes.set(chunk, length);
      length += chunk.length;
    }
    return bytes;
  }
}

function sizeOf(window: readonly SourceFile[]): number {
  return window.reduce((sum, { length }) => sum + length, 0);
}
