import type { IncomingMessage } from 'node:http';
import { Busboy, type BusboyInstance } from '@fastify/busboy';
import type { FastifyInstance } from 'fastify';
import { expected, QuietframeError } from '../../errors.js';
import type { UploadScope } from '../queue/upload-memory.js';
import { GrowingBytes, tooLarge } from './growing-bytes.js';
import { LeastRate, type LeastRateOptions } from './least-rate.js';
import { emptyPart, MAX_PARTS, PART_NAMES, type PartName, type Upload, uploadOf } from './upload.js';

export const EXR_MEDIA_TYPE = 'image/x-exr';
export const PNG_MEDIA_TYPE = 'image/png';
export const FORM_MEDIA_TYPE = 'multipart/form-data';
export const JSON_MEDIA_TYPE = 'application/json';
/** Bytes of a body of JSON, which only names things. */
export const JSON_LIMIT = 65_536;
/** Characters of a number. */
const MAX_TEXT = 32;

/** How a body is received. */
export interface ReceiveOptions {
  readonly maxBytes: number;
  /** Where files are gathered. */
  readonly memory: UploadScope;
  readonly leastRate: LeastRateOptions;
  /** Called with each chunk as it comes, whatever becomes of the request. */
  readonly onChunk?: (chunk: Uint8Array) => void;
  /** Ends the upload with its reason. */
  readonly signal?: AbortSignal;
}

/**
 * Lets the bodies of the service through as streams and refuses all others with `unsupported-media-type`. Fastify's
 * body limit does not apply to streams: {@link receiveUpload} counts the bytes.
 */
export function acceptBodies(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  const types = [EXR_MEDIA_TYPE, PNG_MEDIA_TYPE, FORM_MEDIA_TYPE, JSON_MEDIA_TYPE];
  app.addContentTypeParser(types, (_request, payload, done) => done(null, payload));
}

/**
 * Checks what the head of a request says about its body, before a byte of it is read.
 * @param mayBePng whether a PNG is a picture that is asked for.
 * @throws QuietframeError `too-large`, `unsupported-media-type`, `empty-body`.
 */
export function checkBodyHead({ headers }: IncomingMessage, maxBytes: number, mayBePng = false): void {
  const { 'content-type': contentType, 'content-encoding': encoding = 'identity' } = headers;
  if (encoding !== 'identity') {
    throw new QuietframeError('unsupported-media-type', expected('identity', 'Content-Encoding', encoding), {
      parameter: 'content-encoding',
    });
  }
  if (!mayBePng && contentType?.toLowerCase().startsWith(PNG_MEDIA_TYPE)) {
    const types = [EXR_MEDIA_TYPE, FORM_MEDIA_TYPE, JSON_MEDIA_TYPE].join(', ');
    throw new QuietframeError('unsupported-media-type', expected(types, 'Content-Type', contentType));
  }
  const length = Number(
    headers['content-length'] ?? (headers['transfer-encoding'] === undefined ? 0 : Number.NaN),
  );
  if (length > maxBytes) throw tooLarge(maxBytes, length);
  if (contentType === undefined || length === 0) throw emptyBody();
}

/**
 * Reads the body of a request that has passed {@link checkBodyHead}: one OpenEXR file, or a form with up to 7 parts
 * `frame` in time order, with `half_a` and `half_b`, or with all of them, with a map `lambda` (or a number) and a `guide`. The files
 * are not looked into.
 * @throws QuietframeError `too-large` as soon as the limit is passed; `empty-body`, `malformed-body`,
 * `unknown-parameter`; `cancelled` when the client goes away.
 */
export async function receiveUpload(request: IncomingMessage, options: ReceiveOptions): Promise<Upload> {
  const { 'content-type': contentType = '' } = request.headers;
  if (contentType.toLowerCase().startsWith(FORM_MEDIA_TYPE)) {
    return withNumber(uploadOf(await receiveForm(request, contentType, options)));
  }
  return { frames: [await receiveFile(request, options)], halves: undefined };
}

/**
 * Reads a body that is one file.
 * @throws QuietframeError `too-large`, `empty-body`, `cancelled`, `request-timeout`, and what `onChunk` throws.
 */
export async function receiveFile(request: IncomingMessage, options: ReceiveOptions): Promise<Uint8Array> {
  const file = new GrowingBytes(options.memory, Number(request.headers['content-length'] ?? 0));
  await receive(request, options, (chunk) => file.push(chunk));
  if (file.length === 0) throw emptyBody();
  return file.bytes();
}

/**
 * Reads a body of JSON, which is small and read on this thread alone.
 * @throws QuietframeError as {@link receiveFile}.
 */
export async function receiveJson(
  request: IncomingMessage,
  options: Omit<ReceiveOptions, 'memory'>,
): Promise<Uint8Array> {
  const chunks: Buffer[] = [];
  await receive(request, options, (chunk) => chunks.push(chunk));
  if (chunks.length === 0) throw emptyBody();
  return Buffer.concat(chunks);
}

/** Whether a request says that its body is JSON. */
export function isJson({ headers }: IncomingMessage): boolean {
  return headers['content-type']?.toLowerCase().startsWith(JSON_MEDIA_TYPE) ?? false;
}

/** A form's upload, whose part `lambda` may be the text of a number. */
function withNumber({ lambda, ...upload }: Upload): Upload {
  const lambdaText = lambda && textOf(lambda);
  return { ...upload, ...(lambdaText === undefined ? lambda && { lambda } : { lambdaText }) };
}

/** A short part of printable characters, which no OpenEXR file is; undefined for all others. */
function textOf(part: Uint8Array): string | undefined {
  const text = part.length > MAX_TEXT ? '' : Buffer.from(part).toString('latin1');
  return /^[\x20-\x7e]+$/.test(text) ? text : undefined;
}

/**
 * Reads a form. Every part is collected as a file, whatever it says it is, and nothing waits for a reader: the
 * byte limit of the body bounds all parts together.
 */
function receiveForm(
  request: IncomingMessage,
  contentType: string,
  options: ReceiveOptions,
): Promise<Map<PartName, Uint8Array[]>> {
  return new Promise((resolve, reject) => {
    const parts = new Map<PartName, Uint8Array[]>();
    let failure: QuietframeError | undefined;
    const fail = (error: QuietframeError): void => {
      failure ??= error;
      reject(failure);
    };
    const parser = formParser(contentType);
    parser
      .on('file', (name: string | undefined, stream) => {
        const file = new GrowingBytes(options.memory, 0);
        stream.on('error', (cause) => fail(malformedForm(cause)));
        stream.on('data', (chunk: Buffer) => file.push(chunk));
        const known = PART_NAMES.find((candidate) => candidate === name);
        if (known === undefined) {
          fail(
            new QuietframeError(
              'unknown-parameter',
              expected(PART_NAMES.join(', '), 'the name of a part', name),
              {
                parameter: (name ?? '').slice(0, 80),
              },
            ),
          );
          return;
        }
        stream.on('end', () => {
          const files = parts.get(known) ?? [];
          parts.set(known, [...files, file.bytes()]);
          if (file.length === 0) fail(emptyPart(known, files.length));
        });
      })
      .on('partsLimit', () =>
        fail(
          new QuietframeError(
            'malformed-body',
            expected(`at most ${MAX_PARTS}`, 'the parts of the form', 'more'),
          ),
        ),
      )
      .on('error', (cause) => fail(malformedForm(cause)))
      .on('finish', () => resolve(parts));
    const feed = (chunk: Buffer): void => {
      if (failure !== undefined) throw failure;
      parser.write(chunk);
    };
    receive(request, options, feed).then(() => parser.end(), fail);
  });
}

function formParser(contentType: string): BusboyInstance {
  try {
    return new Busboy({
      headers: { 'content-type': contentType },
      isPartAFile: () => true,
      limits: { parts: MAX_PARTS, headerPairs: 16, headerSize: 8192 },
    });
  } catch (cause) {
    throw malformedForm(cause);
  }
}

/**
 * Hands the chunks of a body to `take`, and stops at the first error, without destroying the request: its client is to
 * read the answer. What still comes is dropped.
 */
function receive(
  request: IncomingMessage,
  { maxBytes, leastRate, onChunk, signal }: Omit<ReceiveOptions, 'memory'>,
  take: (chunk: Buffer) => void,
): Promise<void> {
  return new Promise((resolve, reject) => {
    let total = 0;
    const rate = new LeastRate(leastRate, () =>
      stop(new QuietframeError('request-timeout', 'The request did not arrive at the least rate')),
    );
    const stop = (error?: unknown): void => {
      rate.end();
      signal?.removeEventListener('abort', onAbort);
      request.off('data', onData).off('end', onEnd).off('error', onGone).off('close', onGone);
      // A request that fails later still emits its error, which nobody else listens for.
      request.on('error', () => {}).resume();
      if (error === undefined) resolve();
      else reject(error);
    };
    const onData = (chunk: Buffer): void => {
      rate.moved(chunk.length);
      total += chunk.length;
      try {
        onChunk?.(chunk);
        if (total > maxBytes) throw tooLarge(maxBytes, 'more');
        take(chunk);
        rate.wait();
      } catch (error) {
        stop(error);
      }
    };
    const onEnd = (): void => stop();
    const onGone = (): void =>
      stop(new QuietframeError('cancelled', 'The client went away before its upload was complete'));
    const onAbort = (): void => stop(signal?.reason);
    if (request.destroyed) return onGone();
    if (signal?.aborted) return onAbort();
    signal?.addEventListener('abort', onAbort, { once: true });
    request.on('data', onData).on('end', onEnd).on('error', onGone).on('close', onGone);
    rate.wait();
  });
}

function emptyBody(): QuietframeError {
  return new QuietframeError('empty-body', expected('an OpenEXR file', 'the request body', 'nothing'));
}

function malformedForm(cause: unknown): QuietframeError {
  return new QuietframeError(
    'malformed-body',
    expected('complete multipart/form-data with its boundary', 'the request body', 'something else'),
    {},
    { cause },
  );
}
