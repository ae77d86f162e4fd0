import { LAMBDA_RANGE, MAX_WINDOW } from '../../limits.js';
import { ANSWER_TYPES, FILE_ANSWER_TYPES } from '../http/denoise-answer.js';
import { EXR_MEDIA_TYPE, FORM_MEDIA_TYPE, JSON_MEDIA_TYPE } from '../http/exr-body.js';
import type { AOV_NAMES } from '../http/upload.js';
import { formatOf, queryParameters, TERMS } from './parameters.js';
import { problems, REFUSALS } from './problems.js';
import { BINARY, DIGEST, type Schema } from './schema.js';

const LAMBDA_MAP: Schema = {
  ...BINARY,
  description:
    'The slope of the loss of every pixel: channel `lambda`, `Y`, `R` or the only one, in [1, 10].',
};
/** As a part of a form. */
const LAMBDA_FIELD: Schema = {
  anyOf: [LAMBDA_MAP, { type: 'number', minimum: LAMBDA_RANGE[0], maximum: LAMBDA_RANGE[1] }],
};
const GUIDE: Schema = {
  ...BINARY,
  description:
    'With `upscale`: the frame rendered at the new size, with however few samples; its albedo and normals guide the magnification.',
};
/** Layers in files of their own, by the name of the part. */
const AOV_DESCRIPTIONS = {
  albedo: 'Albedo in files of their own, one for each frame.',
  normal: 'Normals in files of their own, one for each frame.',
  variance: "Variance of the colour's mean in files of their own, one for each frame.",
  motion_vectors:
    'Motion vectors in files of their own, one for each frame; `motion` says how they are read.',
} as const satisfies Record<(typeof AOV_NAMES)[keyof typeof AOV_NAMES], string>;

/** Layers in files of their own, of at most so many frames where that is known. */
export function aovProperties(items: Schema, maxItems?: number): Record<string, Schema> {
  return Object.fromEntries(
    Object.entries(AOV_DESCRIPTIONS).map(([name, description]) => [
      name,
      { type: 'array', items, minItems: 1, ...(maxItems && { maxItems }), description },
    ]),
  );
}

const REPORT_HEADERS: Schema = {
  'quietframe-model': { description: 'NAME@VERSION that was used.', schema: { type: 'string' } },
  'quietframe-device': { description: 'Hardware that was used.', schema: { type: 'string' } },
  'quietframe-warnings': {
    description: 'Codes of the warnings about the input, if there are any.',
    schema: { type: 'string' },
  },
  'quietframe-predicted-smape': {
    description: 'Mean predicted SMAPE of the denoised frame, where errors were asked for.',
    schema: { type: 'string' },
  },
  'Server-Timing': { description: 'Stages in milliseconds.', schema: { type: 'string' } },
};

/** Bodies that `POST /v1/denoise` takes, and what has the same files. */
export const REQUEST_BODY = {
  required: true,
  content: {
    [EXR_MEDIA_TYPE]: { schema: BINARY },
    [JSON_MEDIA_TYPE]: {
      schema: {
        type: 'object',
        description:
          'Frames that are kept, by digest, with the parameters of the query, each here or there. Without frames the two half buffers are denoised alone.',
        properties: {
          frames: { type: 'array', items: DIGEST, maxItems: MAX_WINDOW },
          halves: { type: 'array', items: DIGEST, minItems: 2, maxItems: 2 },
          lambda: {
            description: 'A number, or the digest of a map: an OpenEXR file with a slope for every pixel.',
            oneOf: [DIGEST, { type: 'number', minimum: LAMBDA_RANGE[0], maximum: LAMBDA_RANGE[1] }],
          },
          guide: { ...DIGEST, description: 'SHA-256 of a frame at the new size, which guides `upscale`.' },
          ...aovProperties(DIGEST, MAX_WINDOW),
        },
        additionalProperties: { type: ['string', 'number', 'array'] },
      },
    },
    [FORM_MEDIA_TYPE]: {
      schema: {
        oneOf: [
          {
            type: 'object',
            description:
              'A window of frames of the same size, in time order; optionally with two renders of the centre frame, whose mean it is.',
            required: ['frame'],
            properties: {
              frame: { type: 'array', items: BINARY, minItems: 1, maxItems: MAX_WINDOW },
              half_a: BINARY,
              half_b: BINARY,
              lambda: LAMBDA_FIELD,
              guide: GUIDE,
              ...aovProperties(BINARY, MAX_WINDOW),
            },
            dependentRequired: { half_a: ['half_b'], half_b: ['half_a'] },
            additionalProperties: false,
          },
          {
            type: 'object',
            description:
              'Two renders of the frame with half of the samples each: their mean is denoised, their difference tells the variance.',
            required: ['half_a', 'half_b'],
            properties: {
              half_a: BINARY,
              half_b: BINARY,
              lambda: LAMBDA_FIELD,
              guide: GUIDE,
              ...aovProperties(BINARY, 1),
            },
            additionalProperties: false,
          },
        ],
      },
    },
  },
} as const satisfies Schema;

/** A form of the report and a file. */
function reportAndFile(file: string): Schema {
  return {
    schema: {
      type: 'object',
      required: ['report', 'exr'],
      properties: {
        report: { $ref: '#/components/schemas/Report' },
        exr: { type: 'string', contentMediaType: ANSWER_TYPES[0], description: file },
      },
    },
  };
}

/** `POST /v1/denoise`. */
export const DENOISE = {
  operationId: 'denoise',
  summary: 'Denoise a frame',
  description:
    'The result is the uploaded file with its color denoised; all other layers, parts and attributes stay as they are. Of a window of frames the center one is denoised.',
  parameters: [...TERMS, ...queryParameters('denoise'), formatOf(ANSWER_TYPES)],
  requestBody: REQUEST_BODY,
  responses: {
    200: {
      description: 'The denoised frame, its tone-mapped picture, the report, or report and frame, by Accept.',
      headers: REPORT_HEADERS,
      content: {
        [ANSWER_TYPES[0]]: { schema: BINARY },
        [ANSWER_TYPES[1]]: { schema: { type: 'string', contentMediaType: ANSWER_TYPES[1] } },
        [ANSWER_TYPES[2]]: { schema: { $ref: '#/components/schemas/Report' } },
        [ANSWER_TYPES[3]]: {
          schema: {
            type: 'string',
            description: 'The report as application/json, then the frame as image/x-exr.',
          },
        },
        [ANSWER_TYPES[4]]: reportAndFile('The frame'),
      },
    },
    ...problems(...REFUSALS),
  },
} satisfies Schema;

/** `POST /v1/sample-map`, which takes the same files. */
export const SAMPLE_MAP: Schema = {
  ...DENOISE,
  operationId: 'sampleMap',
  summary: 'Where to spend the next samples',
  description:
    'The frame is denoised, the error that is left in every pixel is predicted, and a budget of samples is shared out in proportion to it. The answer is a file with the data window of the frame and the channels `error.SMAPE`, `error.DSSIM`, `samples.density` (mean 1) and `samples.spp` (whole, with the exact sum of the budget).',
  parameters: [...TERMS, ...queryParameters('sample-map'), formatOf(FILE_ANSWER_TYPES)],
  responses: {
    ...DENOISE.responses,
    200: {
      description: 'The maps, the report, or report and maps, by Accept.',
      headers: REPORT_HEADERS,
      content: {
        [ANSWER_TYPES[0]]: { schema: BINARY },
        [ANSWER_TYPES[2]]: { schema: { $ref: '#/components/schemas/Report' } },
        [ANSWER_TYPES[3]]: {
          schema: {
            type: 'string',
            description: 'The report as application/json, then the maps as image/x-exr.',
          },
        },
        [ANSWER_TYPES[4]]: reportAndFile('The maps'),
      },
    },
  },
};
