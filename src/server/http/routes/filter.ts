import type { FastifyInstance, FastifyRequest } from 'fastify';
import { expected, invalidArgument, QuietframeError } from '../../../errors.js';
import {
  checkFilterOptions,
  FILTER_NAMES,
  type FilterOptions,
} from '../../../files/filter/filter-options.js';
import { pngHeader } from '../../../files/filter/png-picture.js';
import { oneOf } from '../../../files/parameters/define.js';
import { boxHeight, boxWidth } from '../../../image/image.js';
import { parseDecimal } from '../../../numbers.js';
import type { AppContext } from '../../context.js';
import { parseDigest } from '../../frames/frame-name.js';
import {
  acquireSlot,
  leaveForAnswer,
  reception,
  releaseOnClose,
  reserveBody,
} from '../../queue/admission.js';
import { checkBodyHead, EXR_MEDIA_TYPE, PNG_MEDIA_TYPE, receiveFile } from '../exr-body.js';
import { readQuery } from '../read-query.js';

/** Bytes a pixel of the picture and of its result: as decoded, coded, in luminance and sorted, with the map. */
const PICTURE_BYTES = 96;
const RESULT_BYTES = 48;
const FILTER_OUTPUTS = ['picture', 'parameters'] as const;

interface FilterQuery extends FilterOptions {
  readonly parameters?: string;
  readonly outputs: (typeof FILTER_OUTPUTS)[number];
}

/** `POST /v1/filter`: a PNG or an OpenEXR file, filtered with predicted parameters, or the parameters themselves. */
export function filterRoute(app: FastifyInstance, context: AppContext): void {
  const { deps, config, metrics, framesOf } = context;
  app.post('/v1/filter', async (request, reply) => {
    const { outputs, parameters: digest, ...options } = parseFilterQuery(request.query as object);
    checkFilterOptions(options, digest !== undefined);
    const { filter } = deps;
    if (filter === undefined) {
      throw new QuietframeError('not-implemented', expected('a bundle of filters', 'the service', 'none'));
    }
    checkBodyHead(request.raw, config.maxUploadBytes, true);
    const isPng = typeOf(request) === PNG_MEDIA_TYPE;
    const place = acquireSlot(request, context);
    const gone = releaseOnClose(reply, place);
    reserveBody(request, reply, context, config.maxUploadBytes);
    if (request.headers.expect !== undefined) reply.raw.writeContinue();
    const memory = context.uploads.open();
    try {
      const receiving = reception(request, context, place, config.maxUploadBytes);
      const picture = await receiveFile(request.raw, { ...receiving, memory });
      metrics.received(picture.length);
      const parameters = digest && (await framesOf(request.caller.name).get(digest));
      if (digest !== undefined && parameters === undefined) {
        throw new QuietframeError('not-found', expected('a file that is kept', 'parameters', digest), {
          frame: digest,
        });
      }
      const pixels = isPng ? pngPixels(picture) : await exrPixels(picture, context);
      const factor = options.with === 'upscale' ? (options.factor ?? 2) : 1;
      const bytes = pixels * (PICTURE_BYTES + RESULT_BYTES * factor ** 2) + 2 * picture.length;
      const work = async (signal: AbortSignal) => {
        memory.handOver();
        return filter({ picture, ...options, ...(parameters && { parameters }), signal });
      };
      const result = await place.run(work, gone, bytes);
      const body = outputs === 'picture' ? result.bytes : result.parameters;
      const type = outputs === 'picture' && result.type === 'png' ? PNG_MEDIA_TYPE : EXR_MEDIA_TYPE;
      leaveForAnswer(reply, place, body.length, context);
      metrics.sent(body.length);
      return reply
        .type(type)
        .header('cache-control', 'no-store')
        .header('quietframe-filter', result.report.filter)
        .header('quietframe-sigma', result.report.sigma.toPrecision(6))
        .send(Buffer.from(body.buffer, body.byteOffset, body.byteLength));
    } finally {
      memory.release();
    }
  });
}

function typeOf(request: FastifyRequest): string {
  const received = request.headers['content-type']?.toLowerCase().split(';')[0]?.trim();
  if (received === PNG_MEDIA_TYPE || received === EXR_MEDIA_TYPE) return received;
  const range = `${PNG_MEDIA_TYPE} or ${EXR_MEDIA_TYPE}`;
  throw new QuietframeError('unsupported-media-type', expected(range, 'Content-Type', received));
}

function pngPixels(picture: Uint8Array): number {
  const { width, height } = pngHeader(picture);
  return width * height;
}

async function exrPixels(picture: Uint8Array, { deps }: AppContext): Promise<number> {
  const { parts } = await deps.pool.inspect(picture);
  return Math.max(...parts.map(({ dataWindow }) => boxWidth(dataWindow) * boxHeight(dataWindow)));
}

/** @throws QuietframeError `unknown-parameter`, `invalid-argument`. */
function parseFilterQuery(query: object): FilterQuery {
  const number = (name: string, text: string): number => {
    const value = parseDecimal(text);
    if (Number.isNaN(value)) throw invalidArgument('a decimal number', name, text);
    return value;
  };
  const orAuto = (name: string, text: string): number | 'auto' =>
    text === 'auto' ? text : number(name, text);
  const readers: { readonly [Name in keyof FilterQuery]-?: (text: string) => FilterQuery[Name] } = {
    with: (text) => oneOf(FILTER_NAMES, text, 'with'),
    sigma: (text) => orAuto('sigma', text),
    blur: (text) => orAuto('blur', text),
    factor: (text) => number('factor', text),
    strength: (text) => number('strength', text),
    global: (text) => oneOf(['true', 'false'], text, 'global') === 'true',
    parameters: parseDigest,
    outputs: (text) => oneOf(FILTER_OUTPUTS, text, 'outputs'),
  };
  const names = Object.keys(readers) as (keyof FilterQuery)[];
  const values = readQuery({ ...query }, names, (name, text) => readers[name](text));
  const parsed = Object.fromEntries(values) as Partial<FilterQuery>;
  const { with: name, outputs = 'picture' } = parsed;
  if (name === undefined) throw invalidArgument(`one of ${FILTER_NAMES.join(', ')}`, 'with', 'none');
  return { ...parsed, with: name, outputs };
}
