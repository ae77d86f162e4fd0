import type { FastifyInstance } from 'fastify';
import type { DenoiseExrRequest } from '../../../files/denoise-file/types.js';
import type { AppContext } from '../../context.js';
import { type LoadedFiles, loadFiles, selectFrames } from '../../frames/choose-center.js';
import { findStored, parseStoredFrames, withGuide } from '../../frames/frame-references.js';
import { joinUpload } from '../../frames/join-upload.js';
import type { SourceFile } from '../../frames/source-files.js';
import {
  acquireSlot,
  leaveForAnswer,
  reception,
  releaseOnClose,
  reserveBody,
} from '../../queue/admission.js';
import { memoryOf } from '../../queue/frame-memory.js';
import { encodePng } from '../../thread/encode-png.js';
import { answerTypes, negotiate, sendAnswer } from '../denoise-answer.js';
import { type DenoiseQuery, parseDenoiseQuery } from '../denoise-query.js';
import { checkBodyHead, isJson, JSON_LIMIT, receiveJson, receiveUpload } from '../exr-body.js';
import { mergeWithoutDuplicates } from '../merge-without-duplicates.js';
import { mapUpload, type Upload, uploadBytes } from '../upload.js';

/**
 * `POST /v1/denoise`, and `POST /v1/sample-map`, which answers with what is left to sample instead of the frame. Whatever can be refused without the body is refused before it is read; what the headers of its
 * files show, before it waits for its turn. The work ends when the client goes away.
 */
export function denoiseRoute(app: FastifyInstance, context: AppContext): void {
  for (const operation of ['denoise', 'sample-map'] as const) serve(operation, app, context);
}

function serve(operation: 'denoise' | 'sample-map', app: FastifyInstance, context: AppContext): void {
  const { deps, config, metrics, files, framesOf } = context;
  app.post(`/v1/${operation}`, async (request, reply) => {
    const { format, ...given } = request.query as Record<string, unknown>;
    let query = parseDenoiseQuery(given, deps.denoiser.models, operation);
    let type = negotiate(request, answerTypes(query), format);
    const named = isJson(request.raw);
    checkBodyHead(request.raw, named ? JSON_LIMIT : config.maxUploadBytes);
    const place = acquireSlot(request, context);
    const gone = releaseOnClose(reply, place);
    reserveBody(request, reply, context, named ? JSON_LIMIT : config.maxUploadBytes);

    const stages = new Map<string, number>();
    request.stages = stages;
    let mark = performance.now();
    const lap = (stage: string): void => {
      const now = performance.now();
      stages.set(stage, (now - mark) / 1000);
      mark = now;
    };
    if (request.headers.expect !== undefined) reply.raw.writeContinue();
    const memory = context.uploads.open();
    try {
      let upload: Upload<SourceFile>;
      if (named) {
        const body = parseStoredFrames(
          await receiveJson(request.raw, reception(request, context, place, JSON_LIMIT)),
        );
        const { parameters, ...digests } = withGuide(body);
        query = parseDenoiseQuery(mergeWithoutDuplicates(given, parameters), deps.denoiser.models, operation);
        type = negotiate(request, answerTypes(query), format);
        upload = findStored(digests, files, framesOf(request.caller.name), metrics);
      } else {
        const options = reception(request, context, place, config.maxUploadBytes);
        const sent = await receiveUpload(request.raw, { ...options, memory });
        const { lambdaText } = sent;
        if (lambdaText !== undefined) {
          query = parseDenoiseQuery(
            mergeWithoutDuplicates(given, { lambda: lambdaText }),
            deps.denoiser.models,
            operation,
          );
        }
        metrics.received(uploadBytes(sent));
        upload = mapUpload(sent, (bytes) => files.uploaded(bytes));
      }
      const selected = await selectFrames(joinUpload(upload, query.center, files), query.center);
      lap('receive');
      const work = async (signal: AbortSignal) => {
        lap('queue');
        memory.handOver();
        const loaded = await loadFiles(selected.files);
        const isPicture = type === 'image/png';
        const result = await deps.denoiseExr({
          ...denoiseRequest(loaded, query, signal),
          // A region is a file of the colour alone.
          ...(isPicture && query.region === undefined && { withAlpha: true }),
        });
        for (const [stage, seconds] of Object.entries(result.report.stages)) stages.set(stage, seconds);
        mark = performance.now();
        if (!isPicture) return { result, png: undefined };
        const { color, alpha } = result;
        const png = await encodePng({ color, ...(alpha && { alpha }) }, signal);
        lap('png');
        return { result, png };
      };
      const { result, png } = await place.run(work, gone, memoryOf(selected, query, deps.denoiser.models));
      for (const [stage, seconds] of stages) metrics.stage(stage, seconds);
      metrics.caches(result.report);
      const bytes = sendAnswer(reply, type, { result, png, selected, stages });
      leaveForAnswer(reply, place, bytes, context);
      metrics.sent(bytes);
      return reply;
    } finally {
      memory.release();
    }
  });
}

/** What the workflow is asked for. */
export function denoiseRequest(
  files: LoadedFiles,
  { lambda, model, source = 'auto', alpha, aovs, layers, maps, mapsOnly, ...query }: DenoiseQuery,
  signal: AbortSignal,
): DenoiseExrRequest {
  return {
    ...files,
    // The default goes with a map; another number does not, and is refused.
    ...(files.lambdaMap !== undefined && lambda === 1 ? {} : { lambda }),
    signal,
    ...(maps === undefined ? {} : { maps }),
    ...(mapsOnly === undefined ? {} : { mapsOnly }),
    ...(model === undefined ? {} : { model }),
    ...(source === 'auto' ? {} : { source }),
    ...(query.encoder === undefined ? {} : { encoder: query.encoder }),
    ...(query.prefilter === undefined ? {} : { prefilter: query.prefilter }),
    ...(alpha === undefined ? {} : { alpha }),
    ...(aovs === undefined ? {} : { aovs }),
    ...(query.components === undefined ? {} : { components: query.components }),
    ...(query.wrap === undefined ? {} : { wrap: query.wrap }),
    ...(layers === undefined ? {} : { layers }),
    ...(query.motion === undefined ? {} : { motion: query.motion }),
    ...(query.samplesPerPixel === undefined ? {} : { samplesPerPixel: query.samplesPerPixel }),
    ...(query.view === undefined ? {} : { view: query.view }),
    ...(query.region === undefined ? {} : { region: query.region }),
    ...(query.strength === undefined ? {} : { strength: query.strength }),
    ...(query.upscale === undefined && query.deblur === undefined ? {} : { finish: finishOf(query) }),
  };
}

function finishOf({
  upscale,
  deblur,
}: Pick<DenoiseQuery, 'upscale' | 'deblur'>): NonNullable<DenoiseExrRequest['finish']> {
  return { ...(upscale !== undefined && { upscale }), ...(deblur !== undefined && { deblur }) };
}
