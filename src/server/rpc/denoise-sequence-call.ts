import type { MessageInitShape } from '@bufbuild/protobuf';
import type { HandlerContext } from '@connectrpc/connect';
import { expected, QuietframeError } from '../../errors.js';
import type { DenoiseExrRequest } from '../../files/denoise-file/types.js';
import { MAX_WINDOW } from '../../limits.js';
import type { AppContext } from '../context.js';
import { parseDigest } from '../frames/frame-name.js';
import { isOfTheFrame, Shot } from '../frames/shot-window.js';
import type { SourceFile } from '../frames/source-files.js';
import type {
  DenoiseSequenceOptions,
  DenoiseSequenceRequest,
  DenoiseSequenceResponseSchema,
} from '../gen/quietframe/v1/denoiser_pb.js';
import { parseDenoiseQuery } from '../http/denoise-query.js';
import { admitRequest } from '../queue/admission.js';
import type { QueueSlot } from '../queue/queue-slot.js';
import { callerOf, callTerms, STAGES } from './call-terms.js';
import { denoiseSelected, queryOf, Stopwatch } from './denoise-call.js';
import { FrameReader, layersOf, type SequenceLayer, type SequenceMessages } from './frame-reader.js';
import { readingOf, readMessages } from './read-messages.js';
import { malformed, stored } from './receive-files.js';
import { problemMessage } from './rpc-error.js';
import { watchReader } from './watch-reader.js';

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
    const { options, radius, lambdaSha256, layers } = await receiveOptions(messages);
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
        const frame = await reader.next(sizeOf(window), layers, memory);
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

async function receiveOptions(messages: SequenceMessages): Promise<
  Pick<DenoiseSequenceOptions, 'options' | 'lambdaSha256'> & {
    /** Frames on each side. */
    readonly radius: number;
    /** What follows every frame in files of their own. */
    readonly layers: readonly SequenceLayer[];
  }
> {
  const { done, value } = await messages.next();
  if (done || value.message.case !== 'options') {
    throw malformed('options', 'the first message', done ? 'no message' : value.message.case);
  }
  const { options, window, lambdaSha256, layers } = value.message.value;
  if (options !== undefined && (options.files.length > 0 || options.center !== undefined)) {
    throw malformed('no files and no center', 'the options of a sequence', 'some');
  }
  const frames = window === 0 ? MAX_WINDOW : window;
  if (frames > MAX_WINDOW || frames % 2 === 0) {
    throw new QuietframeError('invalid-argument', expected('1, 3, 5 or 7', 'window', window), {
      parameter: 'window',
    });
  }
  return { options, lambdaSha256, radius: (frames - 1) / 2, layers: layersOf(layers) };
}

function sizeOf(window: readonly SourceFile[]): number {
  return window.reduce((sum, { length }) => sum + length, 0);
}
