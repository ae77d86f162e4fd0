import { randomUUID } from 'node:crypto';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { expected, QuietframeError } from '../../errors.js';
import type { Report } from '../../files/report.js';
import type { SelectedFrames } from '../frames/choose-center.js';
import type { ServedExr, ServedReport } from '../service.js';
import type { DenoiseQuery } from './denoise-query.js';
import { EXR_MEDIA_TYPE } from './exr-body.js';

/** Media types of the answer; the first is the default. */
export const ANSWER_TYPES = [
  EXR_MEDIA_TYPE,
  'image/png',
  'application/json',
  'multipart/mixed',
  'multipart/form-data',
] as const;
export type AnswerType = (typeof ANSWER_TYPES)[number];
/** Those that hold more than one picture. */
export const FILE_ANSWER_TYPES = ANSWER_TYPES.filter((type) => type !== 'image/png');

/** Those with the report, which has the kernels of pixels. */
export const REPORT_ANSWER_TYPES = ['application/json', 'multipart/mixed', 'multipart/form-data'] as const;

/** Media types that a request may be answered with: a PNG has nothing but one denoised colour with its alpha. */
export function answerTypes({ maps, mapsOnly, aovs, view }: DenoiseQuery): readonly AnswerType[] {
  if (maps?.outputs?.includes('kernels')) return REPORT_ANSWER_TYPES;
  const withMaps = maps?.outputs?.some((output) => output !== 'color') ?? false;
  return mapsOnly || withMaps || aovs !== undefined || view === 'all' ? FILE_ANSWER_TYPES : ANSWER_TYPES;
}

/** Names of the answers, for those who cannot set a header. */
export const FORMATS: Readonly<Record<string, AnswerType>> = {
  exr: EXR_MEDIA_TYPE,
  png: 'image/png',
  json: 'application/json',
  mixed: 'multipart/mixed',
  form: 'multipart/form-data',
};

/** What a denoised request is answered with. */
export interface DenoiseAnswer {
  readonly result: ServedExr;
  /** Where a picture was asked for. */
  readonly png: Uint8Array | undefined;
  readonly selected: SelectedFrames;
  /** Seconds by stage, those of the service and those of the denoiser, in order. */
  readonly stages: ReadonlyMap<string, number>;
}

/**
 * The media type that a request asks for, by its parameter `format`, or else by Accept.
 * @throws QuietframeError `not-acceptable`; `invalid-argument` for a format that there is not.
 */
export function negotiate(
  request: FastifyRequest,
  types: readonly AnswerType[] = ANSWER_TYPES,
  format?: unknown,
): AnswerType {
  if (format !== undefined) {
    const formats = Object.entries(FORMATS).filter(([, type]) => types.includes(type));
    const named = formats.find(([name]) => name === format);
    if (named !== undefined) return named[1];
    const received = typeof format === 'string' ? format : 'several';
    const names = formats.map(([name]) => name).join(', ');
    const missing = received === 'png' ? 'more than one picture' : 'the report';
    const range = `one of ${names}${Object.hasOwn(FORMATS, received) ? `, which hold ${missing},` : ''}`;
    throw new QuietframeError('invalid-argument', expected(range, 'format', received), {
      parameter: 'format',
    });
  }
  const accepted = request.accepts().type([...types]);
  const type = types.find((candidate) => candidate === accepted);
  if (type !== undefined) return type;
  throw new QuietframeError('not-acceptable', expected(types.join(', '), 'Accept', request.headers.accept), {
    parameter: 'accept',
  });
}

/**
 * Sends the answer as the media type. The main figures of the report are also headers: model, device, codes of the
 * warnings, and the stages as Server-Timing, in milliseconds.
 * @returns the bytes of the answer's body.
 */
export function sendAnswer(reply: FastifyReply, type: AnswerType, answer: DenoiseAnswer): number {
  const { model, version, device, warnings, predictedError } = answer.result.report;
  const timing = [...answer.stages].map(([stage, seconds]) => `${stage};dur=${(1000 * seconds).toFixed(3)}`);
  void reply
    .header('vary', 'accept')
    .header('cache-control', 'no-store')
    .header('quietframe-model', `${model}@${version}`)
    .header('quietframe-device', device)
    .header('server-timing', timing.join(', '));
  if (warnings.length > 0) {
    void reply.header('quietframe-warnings', [...new Set(warnings.map(({ code }) => code))].join(', '));
  }
  if (predictedError !== undefined) {
    void reply.header('quietframe-predicted-smape', predictedError.smape.toPrecision(6));
  }
  const { contentType, body } = bodyOf(type, answer);
  void reply.type(contentType).send(body);
  return body.length;
}

function bodyOf(type: AnswerType, answer: DenoiseAnswer): { contentType: string; body: Buffer } {
  switch (type) {
    case EXR_MEDIA_TYPE:
      return { contentType: type, body: view(answer.result.exr) };
    case 'image/png':
      return { contentType: type, body: view(answer.png ?? new Uint8Array()) };
    case 'application/json':
      return { contentType: type, body: reportOf(answer) };
    case 'multipart/mixed':
      return multipart(type, [
        { headers: ['Content-Type: application/json'], body: reportOf(answer) },
        { headers: [`Content-Type: ${EXR_MEDIA_TYPE}`], body: answer.result.exr },
      ]);
    case 'multipart/form-data':
      return multipart(type, [
        { headers: [field('report'), 'Content-Type: application/json'], body: reportOf(answer) },
        {
          headers: [field('exr', 'denoised.exr'), `Content-Type: ${EXR_MEDIA_TYPE}`],
          body: answer.result.exr,
        },
      ]);
  }
}

/** The header that makes a part the field of a form, as `Response.formData()` reads it; with a name, a file. */
function field(name: string, filename?: string): string {
  const ofFile = filename === undefined ? '' : `; filename="${filename}"`;
  return `Content-Disposition: form-data; name="${name}"${ofFile}`;
}

function multipart(
  type: string,
  parts: readonly { readonly headers: readonly string[]; readonly body: Uint8Array }[],
): { contentType: string; body: Buffer } {
  const boundary = randomUUID();
  const chunks = parts.flatMap(({ headers, body }) => [
    Buffer.from(`--${boundary}\r\n${headers.join('\r\n')}\r\n\r\n`),
    body,
    Buffer.from('\r\n'),
  ]);
  const body = Buffer.concat([...chunks, Buffer.from(`--${boundary}--\r\n`)]);
  return { contentType: `${type}; boundary=${boundary}`, body };
}

/** The report as JSON in UTF-8. */
export function reportOf({ result, selected, stages }: Omit<DenoiseAnswer, 'png'>): Buffer {
  return Buffer.from(JSON.stringify(completeReport(result.report, selected, stages)));
}

/** The report of a request: of its frame, with what the window was and the stages of the service. */
export function completeReport(
  report: ServedReport,
  { frames, center }: Pick<SelectedFrames, 'frames' | 'center'>,
  stages: ReadonlyMap<string, number>,
): ServedReport & Pick<Report, 'frames' | 'center'> {
  return { ...report, frames, center, stages: Object.fromEntries(stages) };
}

/** The same bytes as a Buffer. */
function view(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
