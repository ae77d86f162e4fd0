import type { MessageInitShape } from '@bufbuild/protobuf';
import type { HandlerContext } from '@connectrpc/connect';
import { expected, QuietframeError } from '../../errors.js';
import type { DenoiseExrRequest } from '../../files/denoise-file/types.js';
import { ConflatingChannel } from '../../threads/conflating-channel.js';
import type { AppContext } from '../context.js';
import { loadFiles, type SelectedFrames, selectFrames } from '../frames/choose-center.js';
import { joinUpload } from '../frames/join-upload.js';
import type { DenoiseOptions, DenoiseRequest, ReportSchema } from '../gen/quietframe/v1/denoiser_pb.js';
import { reportOf } from '../http/denoise-answer.js';
import { type DenoiseQuery, parseDenoiseQuery } from '../http/denoise-query.js';
import { mergeWithoutDuplicates } from '../http/merge-without-duplicates.js';
import { denoiseRequest } from '../http/routes/denoise.js';
import { admitRequest } from '../queue/admission.js';
import { memoryOf } from '../queue/frame-memory.js';
import type { QueueSlot } from '../queue/queue-slot.js';
import type { UploadScope } from '../queue/upload-memory.js';
import type { ServedExr } from '../service.js';
import { callerOf, callTerms, STAGES } from './call-terms.js';
import { readingOf, readMessages } from './read-messages.js';
import { checkFiles, MAX_CHUNK_BYTES, receiveFiles, receiveOptions } from './receive-files.js';
import { watchReader } from './watch-reader.js';

/** What a call is answered with, in all responses that have these messages. */
export interface Answer {
  readonly message:
    | { readonly case: 'progress'; readonly value: { readonly fraction: number } }
    | { readonly case: 'report'; readonly value: MessageInitShape<typeof ReportSchema> }
    | { readonly case: 'chunk'; readonly value: Uint8Array };
}

/** Most entries of a list or a map of the options. */
const MAX_ENTRIES = 64;

interface Denoised {
  readonly result: ServedExr;
  readonly selected: SelectedFrames;
  readonly stages: ReadonlyMap<string, number>;
}

/**
 * `DenoiserService.Denoise`, and `PredictSampleMap`, which takes the same. As with HTTP, whatever can be refused by the
 * options is refused before the files are read; what the headers of the files show, before the call waits for its turn.
 * The work ends with the call.
 */
export async function* denoiseCall(
  requests: AsyncIterable<Pick<DenoiseRequest, 'message'>>,
  call: HandlerContext,
  context: AppContext,
  operation: 'denoise' | 'sample-map',
): AsyncGenerator<Answer> {
  const { deps, config, metrics, uploads, uploadBudget } = context;
  const { signal } = call;
  const messages = readMessages(requests, readingOf(call, context));
  const memory = uploads.open();
  let place: QueueSlot | undefined;
  let release = (): void => {};
  try {
    const options = await receiveOptions(messages);
    const query = parseDenoiseQuery(queryOf(options), deps.denoiser.models, operation);
    checkFiles(options, config.maxUploadBytes);
    const taken = admitRequest(callTerms(call), context);
    place = taken;
    messages.endWith(taken.lost);
    // Where the answer waits for a client that is gone, nothing here runs any more.
    signal.addEventListener('abort', () => taken.leave(), { once: true });
    const watch = new Stopwatch();
    call.values.set(STAGES, watch.stages);
    const received = options.files.reduce((sum, { sizeBytes }) => sum + Number(sizeBytes), 0);
    release = uploadBudget.reserve(received);
    signal.addEventListener('abort', release, { once: true });
    const upload = await receiveFiles(
      messages,
      options.files,
      context,
      context.framesOf(callerOf(call).name),
      memory,
    );
    metrics.received(received);
    const selected = await selectFrames(joinUpload(upload, query.center, context.files), query.center);
    watch.lap('receive');
    const work = { selected, query, place: taken, signal, watch, memory, endsPlace: true };
    yield* watchReader(denoiseSelected(work, context), call, context);
  } finally {
    memory.release();
    release();
    place?.leave();
    // What the client still sends is dropped; it must not hold up the end.
    void messages.return();
  }
}

/** The work of a call on one frame. */
export interface SelectedWork {
  readonly selected: SelectedFrames;
  readonly query: DenoiseQuery;
  readonly place: QueueSlot;
  readonly signal: AbortSignal;
  readonly watch: Stopwatch;
  /** Memory of the files that were sent. */
  readonly memory: UploadScope;
  /** Whether the call needs its place no more once the work is done. */
  readonly endsPlace: boolean;
  /** In the place of the denoiser itself. */
  readonly denoise?: (request: DenoiseExrRequest) => Promise<ServedExr>;
}

/** Waits for its turn, denoises, and answers with progress, the report, and the file in chunks. */
export async function* denoiseSelected(
  work: SelectedWork,
  { deps, metrics, answers }: Pick<AppContext, 'deps' | 'metrics' | 'answers'>,
): AsyncGenerator<Answer> {
  const { selected, query, place, signal, watch, memory, endsPlace } = work;
  const { denoise = (request) => deps.denoiseExr(request) } = work;
  const progress = new ConflatingChannel<number>();
  const run = async (signal: AbortSignal): Promise<ServedExr> => {
    watch.lap('queue');
    memory.handOver();
    const loaded = await loadFiles(selected.files);
    return denoise({ ...denoiseRequest(loaded, query, signal), onProgress: progress.set });
  };
  const running = place.run(run, signal, memoryOf(selected, query, deps.denoiser.models));
  running.then(progress.end, progress.end);
  for await (const fraction of progress) {
    yield { message: { case: 'progress', value: { fraction } } };
  }
  const result = await running;
  for (const [stage, seconds] of Object.entries(result.report.stages)) watch.stages.set(stage, seconds);
  for (const [stage, seconds] of watch.stages) metrics.stage(stage, seconds);
  metrics.caches(result.report);
  const release = endsPlace ? answers.hold(result, result.exr.length) : undefined;
  if (release !== undefined) {
    place.leave();
    signal.addEventListener('abort', release, { once: true });
  }
  try {
    yield reportAnswer({ result, selected, stages: watch.stages });
    for (let start = 0; start < result.exr.length; start += MAX_CHUNK_BYTES) {
      const chunk = result.exr.subarray(start, start + MAX_CHUNK_BYTES);
      yield { message: { case: 'chunk', value: chunk } };
    }
    metrics.sent(result.exr.length);
  } finally {
    release?.();
  }
}

/** The options as the query of `POST /v1/denoise`. */
export function queryOf(options: DenoiseOptions): Record<string, unknown> {
  const { lambda, model, source, center, alpha, aovs, parameters } = options;
  checkCount(aovs.length, 'aovs');
  checkCount(Object.keys(parameters).length, 'parameters');
  const given = {
    ...(lambda !== undefined && { lambda: String(lambda) }),
    ...(model !== '' && { model }),
    ...(source !== '' && { source }),
    ...(center !== undefined && { center: String(center) }),
    ...(alpha !== '' && { alpha }),
    ...(aovs.length > 0 && { aovs: aovs.join(',') }),
  };
  return mergeWithoutDuplicates(given, parameters);
}

/** Lists and maps that clients fill are bounded before anything else looks at them. */
function checkCount(count: number, parameter: string): void {
  if (count <= MAX_ENTRIES) return;
  const message = expected(`at most ${MAX_ENTRIES} entries`, parameter, count);
  throw new QuietframeError('invalid-argument', message, { parameter });
}

function reportAnswer({ result, selected, stages }: Denoised): Answer {
  const { model, version, device, warnings } = result.report;
  return {
    message: {
      case: 'report',
      value: {
        resultSizeBytes: BigInt(result.exr.length),
        model,
        version,
        device,
        warnings: warnings.map(({ code, message }) => ({ code, message })),
        stageSeconds: Object.fromEntries(stages),
        frames: selected.frames,
        center: selected.center,
        details: JSON.parse(reportOf({ result, selected, stages }).toString()),
      },
    },
  };
}

/** Seconds of the stages that the service itself times, in order. */
export class Stopwatch {
  readonly stages = new Map<string, number>();
  #mark = performance.now();

  /** The stage ends now. */
  lap(stage: string): void {
    const now = performance.now();
    this.stages.set(stage, (now - this.#mark) / 1000);
    this.#mark = now;
  }
}
