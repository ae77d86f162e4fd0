import { createHash } from 'node:crypto';
import type { FastifyInstance } from 'fastify';
import { expected, QuietframeError } from '../../../errors.js';
import type { AppContext } from '../../context.js';
import { parseDigest } from '../../frames/frame-name.js';
import { acquireSlot, reception, releaseOnClose, reserveBody } from '../../queue/admission.js';
import { checkBodyHead, EXR_MEDIA_TYPE, receiveFile } from '../exr-body.js';

/**
 * `PUT`, `HEAD` and `DELETE /v1/frames/{digest}`: frames that requests to denoise name by the SHA-256 of their bytes, so
 * that a sliding window sends each frame once. What is kept may be let go of at any time.
 */
export function frameRoutes(app: FastifyInstance, context: AppContext): void {
  const { config, metrics, files, framesOf } = context;
  const url = '/v1/frames/:digest';
  app.put<{ Params: { digest: string } }>(url, async (request, reply) => {
    const digest = parseDigest(request.params.digest);
    const frames = framesOf(request.caller.name);
    const limit = Math.min(config.maxUploadBytes, frames.largest);
    checkBodyHead(request.raw, limit);
    if (!request.headers['content-type']?.toLowerCase().startsWith(EXR_MEDIA_TYPE)) {
      const received = request.headers['content-type'];
      throw new QuietframeError('unsupported-media-type', expected(EXR_MEDIA_TYPE, 'Content-Type', received));
    }
    // Uploads take a place, for their memory is bounded together with that of all others.
    const place = acquireSlot(request, context);
    releaseOnClose(reply, place);
    reserveBody(request, reply, context, limit);
    if (request.headers.expect !== undefined) reply.raw.writeContinue();
    const hash = createHash('sha256');
    const options = reception(request, context, place, limit);
    const onChunk = (chunk: Uint8Array): void => {
      options.onChunk?.(chunk);
      hash.update(chunk);
    };
    const memory = context.uploads.open();
    let isNew: boolean;
    try {
      const bytes = await receiveFile(request.raw, { ...options, onChunk, memory });
      const actual = hash.digest('hex');
      if (actual !== digest) {
        throw new QuietframeError(
          'digest-mismatch',
          expected(`the bytes of ${digest}`, 'the frame', actual),
          { frame: digest },
        );
      }
      await files.uploaded(bytes, digest).header();
      isNew = !frames.has(digest);
      memory.handOver();
      await frames.put(digest, bytes);
      metrics.received(bytes.length);
    } finally {
      memory.release();
    }
    return reply.code(isNew ? 201 : 204).send();
  });
  app.head<{ Params: { digest: string } }>(url, ({ params, caller }, reply) => {
    if (!framesOf(caller.name).has(parseDigest(params.digest))) throw notKept(params.digest);
    return reply.header('cache-control', 'no-store').send();
  });
  app.delete<{ Params: { digest: string } }>(url, async ({ params, caller }, reply) => {
    if (!(await framesOf(caller.name).delete(parseDigest(params.digest)))) throw notKept(params.digest);
    return reply.code(204).send();
  });
}

function notKept(digest: string): QuietframeError {
  return new QuietframeError('not-found', expected('a frame that is kept', 'the digest', digest), {
    frame: digest,
  });
}
