import { FINISH_RANGES } from '../../denoise/pkn/finish-options.js';
import { PREFILTER_CHOICES, PREFILTER_OUTCOMES } from '../../denoise/types.js';
import { ERROR_TABLE, type ErrorCode } from '../../errors.js';
import { ERROR_METRICS, MAX_SPP } from '../../files/denoise-file/maps.js';
import { ANSWER_TYPES, type AnswerType, FILE_ANSWER_TYPES, FORMATS } from '../http/denoise-answer.js';
import { ALPHA_CHOICES, COMPONENT_CHOICES, SOURCE_CHOICES, WRAP_CHOICES } from '../http/denoise-query.js';
import { EXR_MEDIA_TYPE, FORM_MEDIA_TYPE, JSON_MEDIA_TYPE, MAX_FRAMES } from '../http/exr-body.js';
import { PROBLEM_MEDIA_TYPE } from '../http/problem.js';
import { JOB_SCHEMA, jobPaths } from './openapi-jobs.js';

/** When a client meets each error, and what to do about it. */
const PROBLEMS: Readonly<Record<ErrorCode, string>> = {
  'invalid-argument': 'A parameter is out of range or given twice; `parameter` names it.',
  'unknown-parameter':
    'The query or the form has a name that does not exist; `parameter` is the name. Nothing is ignored silently.',
  'empty-body': 'The body, or a part of the form, has no bytes.',
  'malformed-body': 'The body is not what its media type says, or the form does not have the parts it needs.',
  'malformed-request': 'The request is not HTTP/1.1, or its path or header cannot be read.',
  'request-timeout':
    'The request did not arrive whole within the time limit, or arrived too slowly. Send it again.',
  'malformed-exr': 'The OpenEXR file is damaged or is none; `frame` names it in a form.',
  'unsupported-exr': 'The OpenEXR file uses deep samples, subsampling or a compression that is not read.',
  'missing-layer': 'The file has no layer that can serve as the noisy colour.',
  'mismatched-frames': 'Frames or half buffers differ in size; `frame` names the first that does.',
  'digest-mismatch': 'The SHA-256 of the bytes is not the digest of the path; `frame` is that digest.',
  'missing-frames':
    'Frames of the request are not kept (any more): put those that `missing` lists, and ask again.',
  'too-large': 'Bytes, pixels, channels or parts are above the limits of the service.',
  'unsupported-media-type':
    'Send image/x-exr, multipart/form-data or application/json, as the operation tells, without a content encoding.',
  'not-acceptable': 'The Accept header has no media type that the service can answer with.',
  'not-found': 'There is nothing under this path.',
  'method-not-allowed': 'The path has other methods, which the Allow header lists.',
  'unknown-model': 'The model or version is not loaded; see /v1/models.',
  unauthenticated: 'The service asks for a bearer token of its own in Authorization.',
  'in-use': 'A job that has not ended needs the frame; delete the job, or wait for it.',
  forbidden:
    'A web page of another site has sent the request, or the service is called by a name that it does not know: see --allowed-hosts.',
  'not-finished': 'The job, or this frame of it, has not ended yet, or was cancelled; see its `state`.',
  'idempotency-conflict': 'The Idempotency-Key belongs to a job that was asked for something else.',
  'range-not-satisfiable': 'The Range begins behind the end of the result.',
  'too-many-requests':
    'The quota of the token is used up, or others need the places that the caller holds. Send the request again after Retry-After seconds.',
  'deadline-exceeded':
    'The seconds of `Prefer: wait`, or those that the service gives to one frame, have passed before the work was done.',
  overloaded:
    'All places are taken, or the service is stopping. Send the request again after Retry-After seconds.',
  cancelled: 'The client went away; seen in the metrics only.',
  'not-implemented': 'The parameter is part of the interface, but this version does not serve the value.',
  'model-damaged': 'The model of the service cannot be used. Its operator has to act.',
  'device-unavailable': 'The device of the service does not work. Its operator has to act.',
  'file-system': 'The service cannot use its files. Its operator has to act.',
  internal: 'The service failed. The log has the cause under the id in `instance`.',
};

type Schema = Readonly<Record<string, unknown>>;

/** Answers of an operation that are problems, by status. */
function problems(...codes: ErrorCode[]): Record<string, Schema> {
  const statuses = [...new Set(codes.map((code) => ERROR_TABLE[code].status))].sort((a, b) => a - b);
  return Object.fromEntries(
    statuses.map((status) => {
      const own = codes.filter((code) => ERROR_TABLE[code].status === status);
      return [
        String(status),
        {
          description: own.map((code) => `\`${code}\`: ${PROBLEMS[code]}`).join('\n\n'),
          ...(own.some((code) => code === 'overloaded' || code === 'too-many-requests')
            ? { headers: { 'Retry-After': RETRY_AFTER } }
            : {}),
          content: { [PROBLEM_MEDIA_TYPE]: { schema: { $ref: '#/components/schemas/Problem' } } },
        },
      ];
    }),
  );
}

const RETRY_AFTER: Schema = { description: 'Seconds.', schema: { type: 'integer', minimum: 1 } };
const BINARY: Schema = { type: 'string', contentMediaType: EXR_MEDIA_TYPE };

const LAMBDA_MAP: Schema = {
  ...BINARY,
  description:
    'The slope of the loss of every pixel: channel `lambda`, `Y`, `R` or the only one, in [1, 10].',
};
/** As a part of a form. */
const LAMBDA_FIELD: Schema = { anyOf: [LAMBDA_MAP, { type: 'number', minimum: 1, maximum: 10 }] };
const GUIDE: Schema = {
  ...BINARY,
  description:
    'With `upscale`: the frame rendered at the new size, with however few samples; its albedo and normals guide the magnification.',
};
const DIGEST: Schema = {
  type: 'string',
  pattern: '^[0-9a-f]{64}$',
  description: 'SHA-256 of the bytes of a frame.',
};

/** What any request can be answered with. */
const ALWAYS = ['malformed-request', 'request-timeout', 'internal'] as const;
/** And any that does work. */
const GUARDED = [...ALWAYS, 'unauthenticated', 'forbidden', 'too-many-requests'] as const;
/** And any that takes a place. */
const QUEUED = [...GUARDED, 'overloaded', 'deadline-exceeded', 'cancelled'] as const;

function get(operationId: string, summary: string, good: Schema, ...codes: ErrorCode[]): Schema {
  return {
    get: {
      operationId,
      summary,
      responses: { 200: good, ...problems(...codes, 'not-found', 'method-not-allowed', ...GUARDED) },
    },
  };
}

function json(description: string, schema: Schema): Schema {
  return { description, content: { 'application/json': { schema } } };
}

function probe(operationId: string, summary: string): Schema {
  const phase = json('The phase of the service.', { $ref: '#/components/schemas/Phase' });
  return {
    get: {
      operationId,
      summary,
      responses: { 200: phase, 503: phase, ...problems('method-not-allowed', ...ALWAYS) },
    },
  };
}

function parameter(name: string, description: string, schema: Schema): Schema {
  return { name, in: 'query', description, schema };
}

/** Of the sample map. */
const MAP_PARAMETERS: readonly Schema[] = [
  parameter(
    'budget',
    'Mean samples per pixel to plan: `samples.spp` adds up to budget x pixels, rounded. Where it is not given, as many as `target-smape` is predicted to take.',
    { type: 'number', exclusiveMinimum: 0 },
  ),
  parameter('min', 'Least samples of a pixel.', { type: 'integer', minimum: 0, default: 0 }),
  parameter('max', 'Most samples of a pixel.', { type: 'integer', minimum: 1, default: MAX_SPP }),
  parameter('tile', 'Side of squares of pixels that get the same share, for renderers that sample by tile.', {
    ...{ type: 'integer', minimum: 1, maximum: 4096, default: 1 },
  }),
  parameter('metric', 'The predicted error that guides.', { enum: ERROR_METRICS, default: 'smape' }),
  parameter(
    'target-smape',
    'Mean SMAPE at which the picture is good enough: `target` of the report tells whether it is, and how many more samples that is predicted to take.',
    { type: 'number', exclusiveMinimum: 0, exclusiveMaximum: 1 },
  ),
  parameter(
    'spp',
    'Mean samples per pixel of the frame, for maps and for variance layers that need them; by default what its attributes say.',
    {
      ...{ type: 'number', exclusiveMinimum: 0 },
    },
  ),
];

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

/** The answer by name; a parameter of the query alone. */
function formatOf(types: readonly AnswerType[]): Schema {
  const formats = Object.entries(FORMATS).flatMap(([name, type]) => (types.includes(type) ? [name] : []));
  return parameter('format', 'What the answer is, whatever Accept says; in the query alone.', {
    enum: formats,
  });
}

/** Headers of requests that wait for their turn. */
const TERMS: readonly Schema[] = [
  {
    name: 'priority',
    in: 'header',
    description: 'RFC 9218: `u=0` is served first, `u=7` last; 3 by default, 5 for jobs.',
    schema: { type: 'string', examples: ['u=1'] },
  },
  {
    name: 'prefer',
    in: 'header',
    description:
      'RFC 7240: with `wait=SECONDS` the work is given up, or not begun, when it would take longer.',
    schema: { type: 'string', examples: ['wait=30'] },
  },
];

/** What a request to denoise can be answered with. */
const REFUSALS = [
  'invalid-argument',
  'unknown-parameter',
  'empty-body',
  'malformed-body',
  'malformed-exr',
  'unsupported-exr',
  'missing-layer',
  'mismatched-frames',
  'too-large',
  'unsupported-media-type',
  'not-acceptable',
  'unknown-model',
  'missing-frames',
  'method-not-allowed',
  'not-implemented',
  'model-damaged',
  'device-unavailable',
  'file-system',
  ...QUEUED,
] as const;

/** `POST /v1/denoise`. */
const DENOISE = {
  operationId: 'denoise',
  summary: 'Denoise a frame',
  description:
    'The result is the uploaded file with its colour denoised; all other layers, parts and attributes stay as they are. Of a window of frames the centre one is denoised.',
  parameters: [
    ...TERMS,
    parameter(
      'lambda',
      'Slope of the loss: higher keeps more of the input. Each pixel may have its own, see the body.',
      {
        type: 'number',
        minimum: 1,
        maximum: 10,
        default: 1,
      },
    ),
    parameter('model', 'NAME or NAME@VERSION; by default the first of /v1/models, newest version.', {
      type: 'string',
    }),
    parameter('source', 'The renderer whose layer names the file has.', {
      enum: SOURCE_CHOICES,
      default: 'auto',
    }),
    parameter(
      'encoder',
      'The source encoder of the model that reads the frames, one of its `sources`; `auto` chooses by renderer, measured variances, albedo and normals. Refused where the frames do not have what it reads.',
      { type: 'string', default: 'auto', examples: ['cycles', 'mitsuba', 'generic', 'color'] },
    ),
    parameter(
      'prefilter',
      'Whether the model takes noise out of albedo and normals before they guide it: `auto`, where it has a prefilter, unless measured variances show no noise; `on`, always, refused for a model without a prefilter; `off`, never.',
      { enum: PREFILTER_CHOICES, default: 'auto' },
    ),
    parameter(
      'alpha',
      'Whether light is made to fit alpha, which is filtered only where it is fractional all around; or alpha is copied, or filtered with the kernels of the colour.',
      {
        enum: ALPHA_CHOICES,
        default: 'auto',
      },
    ),
    parameter(
      'components',
      'Whether the beauty is denoised as a whole, or diffuse irradiance, albedo and specular on their own where the file has that split; the report says which.',
      { enum: COMPONENT_CHOICES, default: 'beauty' },
    ),
    parameter(
      'wrap',
      'Whether the left border continues at the right one, as in latitude-longitude panoramas; `auto` where a frame looks like one.',
      { enum: WRAP_CHOICES, default: 'auto' },
    ),
    parameter(
      'aovs',
      'Layers of light that are denoised with the kernels of the colour, so that they still make up the beauty: `all` that are known of the renderer (light groups, lobes), or names of layers with commas between. By default none: the beauty alone is denoised.',
      { type: 'string', examples: ['all', 'Combined_key,Combined_fill'] },
    ),
    parameter(
      'layer',
      'Layers of roles, over what is known of the renderer, as `role=layer` with commas between; `none` leaves a role out.',
      { type: 'string', examples: ['albedo=MyAlbedo,normal=none'] },
    ),
    parameter(
      'motion',
      'How the layer of motion vectors is read: `auto`, by the table of the renderer; `none`, not at all, for optical flow; `cycles`; `to-previous`, `from-previous`, `to-next`, `from-next` (X and Y) or `to-both` (X and Y to the previous, Z and W to the next frame), in pixels with y down, or with `,y-up` and `,relative` (to the size of the picture) after it.',
      { type: 'string', default: 'auto', examples: ['from-previous,y-up'] },
    ),
    parameter(
      'view',
      'Stereo view that is denoised, of a file with several; `all` denoises each with its own guides into one file. By default the first: that of `multiView`, or else `main`, `left`, or the first by name.',
      { type: 'string', examples: ['right', 'all'] },
    ),
    parameter(
      'outputs',
      "What the answer holds, with commas between: the denoised colour; the predicted error as channels `error.SMAPE` and `error.DSSIM`; the sample map as channels `samples.density` and `samples.spp`; the mask of fireflies, channel `fireflies.mask`, which is 1 where a lone bright pixel was dimmed (none where no variance was measured); the parameters of filters as channels `parameters.<filter>.<name>`, of model `pkn`, `upscale` and `deblur`; albedo and normals as they guided the model, `auxiliaries`, without noise unless prefilter=off, as channels `quietframe.albedo.R`, `.G`, `.B` and `quietframe.normal.X`, `.Y`, `.Z`; and what the network made on the way, on the CPU and of all levels, 0 the finest: `levels`, denoised and not yet composited, `quietframe.level0.R`; `blend-weights`, alpha of equation 5, `quietframe.blendWeight.level0`; `window-shares`, the share of each frame, `quietframe.windowShare.level0.center`, `.before1`, `.after1`; `gate`, how much of the albedo's texture comes back, `quietframe.gate.level0`; `kernels`, the kernels of `pixels` in the report, which is then the answer. What is not named stays as it is.",
      { type: 'string', default: 'color', examples: ['color', 'color,error,samples', 'color,fireflies'] },
    ),
    parameter(
      'pixels',
      'Pixels whose kernels the report has, `x,y` from the upper left of the data window with semicolons between, at most 64. With outputs=kernels.',
      { type: 'string', pattern: '^\\d+,\\d+(;\\d+,\\d+){0,63}$', examples: ['120,80', '120,80;64,64'] },
    ),
    ...MAP_PARAMETERS,
    parameter(
      'region',
      'Denoises these pixels alone, `x,y,width,height` from the upper left of the data window. The answer is a file of the denoised colour with them as its data window, and the very values that the whole frame would have there. With outputs=color and without magnification.',
      { type: 'string', pattern: '^\\d+,\\d+,\\d+,\\d+$', examples: ['128,64,640,360'] },
    ),
    parameter(
      'upscale',
      'Magnifies the result by this factor; the file gets the new size, with every other layer resampled.',
      { ...rangeOf('upscale'), default: 1 },
    ),
    parameter('deblur', 'Undoes a Gaussian blur of so many pixels, or of as many as the edges tell.', {
      oneOf: [rangeOf('deblur'), { const: 'auto' }],
    }),
    parameter(
      'strength',
      'Scales the predicted parameters of model `pkn`, `upscale` and `deblur`: above 1 filters more, below 1 less.',
      { ...rangeOf('strength'), default: 1 },
    ),
    parameter(
      'center',
      'Index of the frame to denoise in the window, from 0; by default the middle one, of two middle ones the later.',
      { type: 'integer', minimum: 0, maximum: MAX_FRAMES - 1 },
    ),
  ],
  requestBody: {
    required: true,
    content: {
      [EXR_MEDIA_TYPE]: { schema: BINARY },
      [JSON_MEDIA_TYPE]: {
        schema: {
          type: 'object',
          description:
            'Frames that are kept, by digest, with the parameters of the query, each here or there. Without frames the two half buffers are denoised alone.',
          properties: {
            frames: { type: 'array', items: DIGEST, maxItems: MAX_FRAMES },
            halves: { type: 'array', items: DIGEST, minItems: 2, maxItems: 2 },
            lambda: {
              description: 'A number, or the digest of a map: an OpenEXR file with a slope for every pixel.',
              oneOf: [DIGEST, { type: 'number', minimum: 1, maximum: 10 }],
            },
            guide: { ...DIGEST, description: 'SHA-256 of a frame at the new size, which guides `upscale`.' },
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
                frame: { type: 'array', items: BINARY, minItems: 1, maxItems: MAX_FRAMES },
                half_a: BINARY,
                half_b: BINARY,
                lambda: LAMBDA_FIELD,
                guide: GUIDE,
              },
              dependentRequired: { half_a: ['half_b'], half_b: ['half_a'] },
              additionalProperties: false,
            },
            {
              type: 'object',
              description:
                'Two renders of the frame with half of the samples each: their mean is denoised, their difference tells the variance.',
              required: ['half_a', 'half_b'],
              properties: { half_a: BINARY, half_b: BINARY, lambda: LAMBDA_FIELD, guide: GUIDE },
              additionalProperties: false,
            },
          ],
        },
      },
    },
  },
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
      },
    },
    ...problems(...REFUSALS),
  },
} satisfies Schema;

/** Parameters about the denoised colour, of which maps know nothing. */
const OF_COLOR: ReadonlySet<string> = new Set([
  ...['outputs', 'alpha', 'components', 'wrap', 'aovs', 'region', 'upscale', 'deblur'],
]);

/** `POST /v1/sample-map`, which takes the same files. */
const SAMPLE_MAP: Schema = {
  ...DENOISE,
  operationId: 'sampleMap',
  summary: 'Where to spend the next samples',
  description:
    'The frame is denoised, the error that is left in every pixel is predicted, and a budget of samples is shared out in proportion to it. The answer is a file with the data window of the frame and the channels `error.SMAPE`, `error.DSSIM`, `samples.density` (mean 1) and `samples.spp` (whole, with the exact sum of the budget).',
  parameters: [
    ...DENOISE.parameters.filter((each) => 'name' in each && !OF_COLOR.has(String(each.name))),
    formatOf(FILE_ANSWER_TYPES),
  ],
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
      },
    },
  },
};

/** OpenAPI 3.1 description of the HTTP interface. */
const PLACE = { type: 'integer', minimum: 0 } as const;
const NUMBER = { type: 'number' } as const;
/** The kernels of `outputs=kernels`. */
const KERNELS = {
  type: 'array',
  description:
    'Of outputs=kernels, in the order of `pixels`. The color is composited from the levels by their blend weights; the noise guard takes `denoisedWeight` of it and the noisy color for the rest.',
  items: {
    type: 'object',
    properties: {
      ...{ x: PLACE, y: PLACE, color: rowOf('Composited.'), denoisedWeight: NUMBER },
      levels: {
        type: 'array',
        description: 'The finest first; places are pixels of the level.',
        items: {
          type: 'object',
          properties: {
            ...{ x: PLACE, y: PLACE, denoised: rowOf('The color before it is composited.') },
            blendWeight: { ...NUMBER, description: 'Alpha of equation 5; none at the coarsest level.' },
            kernel: {
              type: 'object',
              description: "The frame's own kernel: `gain` times the weighted sum of the noisy colors.",
              properties: {
                size: PLACE,
                weights: rowOf('Row by row; the border of the level repeats. The sum is 1.'),
                gate: { ...NUMBER, description: "How much of the albedo's texture comes back." },
                gain: rowOf('What the gate makes of it, for each channel.'),
              },
            },
            fusion: {
              type: 'object',
              description:
                "In a window: `bound` times `gain` times the weighted sum of the frames' own results, this frame's with the weight `share`.",
              properties: {
                ...{ share: NUMBER, gain: rowOf('As of the kernel.'), bound: NUMBER },
                frames: {
                  type: 'array',
                  items: {
                    type: 'object',
                    properties: {
                      offset: { type: 'integer' },
                      share: { ...NUMBER, description: 'Sum of the weights.' },
                      ...{ x: { type: 'integer' }, y: { type: 'integer' }, size: PLACE },
                      weights: rowOf('Around x and y of the other frame; none where motion leads out of it.'),
                    },
                  },
                },
              },
            },
          },
        },
      },
    },
  },
} as const;

export const OPENAPI = {
  openapi: '3.1.0',
  info: {
    title: 'quietframe',
    version: '1',
    description:
      'Denoises Monte Carlo renders. All errors are problem documents (RFC 9457) whose `type` is `urn:quietframe:problem:` and a stable code.',
    license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
  },
  paths: {
    '/v1/denoise': {
      post: { ...DENOISE, parameters: [...DENOISE.parameters, formatOf(ANSWER_TYPES)] },
    },
    '/v1/sample-map': { post: SAMPLE_MAP },
    ...jobPaths({
      denoise: DENOISE,
      digest: DIGEST,
      binary: BINARY,
      problems: (...more) => problems(...more, 'not-found', 'method-not-allowed', ...GUARDED),
      refusals: problems(...REFUSALS, 'idempotency-conflict'),
    }),
    '/v1/frames/{digest}': {
      parameters: [{ name: 'digest', in: 'path', required: true, schema: DIGEST }],
      put: {
        operationId: 'putFrame',
        summary: 'Keep a frame for requests that name it by digest',
        description: 'Frames are kept in a bounded cache: the least recently used ones go first.',
        requestBody: { required: true, content: { [EXR_MEDIA_TYPE]: { schema: BINARY } } },
        responses: {
          201: { description: 'The frame is kept.' },
          204: { description: 'The frame was kept already.' },
          ...problems(
            'invalid-argument',
            'empty-body',
            'digest-mismatch',
            'malformed-exr',
            'unsupported-exr',
            'too-large',
            'unsupported-media-type',
            'method-not-allowed',
            'file-system',
            ...QUEUED,
          ),
        },
      },
      head: {
        operationId: 'hasFrame',
        summary: 'Whether a frame is kept',
        responses: {
          200: { description: 'It is.' },
          ...problems('invalid-argument', 'not-found', ...GUARDED),
        },
      },
      delete: {
        operationId: 'deleteFrame',
        summary: 'Let go of a frame',
        responses: {
          204: { description: 'It is gone.' },
          ...problems('invalid-argument', 'not-found', 'in-use', 'file-system', ...GUARDED),
        },
      },
    },
    '/v1/models': get(
      'listModels',
      'Models that are loaded',
      json('Models.', {
        type: 'object',
        required: ['models'],
        properties: { models: { type: 'array', items: { $ref: '#/components/schemas/Model' } } },
      }),
    ),
    '/v1/models/{name}': {
      parameters: [
        {
          name: 'name',
          in: 'path',
          required: true,
          description: 'NAME, which means its newest version, or NAME@VERSION.',
          schema: { type: 'string' },
        },
      ],
      ...get(
        'getModel',
        'A model',
        json('The model.', { $ref: '#/components/schemas/Model' }),
        'unknown-model',
      ),
    },
    '/v1/sources': get(
      'listSources',
      'Renderers whose layers are known, and the layers that are looked for',
      json('Renderers.', {
        type: 'object',
        required: ['sources'],
        properties: {
          sources: {
            type: 'array',
            items: {
              type: 'object',
              required: ['name', 'description', 'roles'],
              properties: {
                name: { type: 'string' },
                description: { type: 'string' },
                roles: {
                  type: 'object',
                  additionalProperties: { type: 'array', items: { type: 'string' } },
                },
                references: {
                  type: 'array',
                  items: { type: 'string' },
                  description: "Pages of the renderer's documentation that name its layers.",
                },
                recipe: {
                  type: 'object',
                  additionalProperties: { type: 'string' },
                  description: 'How to make the renderer write what a better result needs.',
                },
              },
            },
          },
        },
      }),
    ),
    '/healthz/live': probe('live', '200 while the event loop turns'),
    '/healthz/startup': probe('startup', '200 once warm-up is done'),
    '/healthz/ready': probe('ready', '200 while work is taken: after warm-up, before the service stops'),
    '/metrics': get('metrics', 'Figures for Prometheus', {
      description: 'Prometheus text format.',
      content: { 'text/plain': { schema: { type: 'string' } } },
    }),
    '/openapi.json': get('openapi', 'This description', json('OpenAPI 3.1.', { type: 'object' })),
    '/docs': get('docs', 'This description, for people', {
      description: 'A page without scripts.',
      content: { 'text/html': { schema: { type: 'string' } } },
    }),
    '/': get('home', 'The viewer, for browsers', {
      description: 'What this is; the viewer for browsers.',
      content: { 'text/plain': { schema: { type: 'string' } }, 'text/html': { schema: { type: 'string' } } },
    }),
  },
  components: {
    schemas: {
      Problem: {
        type: 'object',
        required: ['type', 'title', 'status', 'detail'],
        properties: {
          type: { enum: Object.keys(PROBLEMS).map((code) => `urn:quietframe:problem:${code}`) },
          title: { type: 'string' },
          status: { type: 'integer' },
          detail: { type: 'string' },
          instance: { type: 'string', format: 'uri', description: 'Id of the request.' },
          parameter: { type: 'string' },
          frame: { type: 'string' },
          layer: { type: 'string' },
          missing: { type: 'array', items: DIGEST, description: 'Frames that have to be sent.' },
          retryAfter: { type: 'integer', description: 'Seconds, as the Retry-After header.' },
        },
      },
      Job: JOB_SCHEMA,
      Phase: {
        type: 'object',
        required: ['phase'],
        properties: { phase: { enum: ['starting', 'ready', 'draining'] } },
      },
      Model: {
        type: 'object',
        required: ['name', 'version'],
        properties: {
          name: { type: 'string' },
          version: { type: 'integer' },
          description: { type: 'string' },
          license: { type: 'string' },
          architecture: { type: 'object' },
          sources: { type: 'array', items: { type: 'string' }, description: 'Source encoders.' },
          training: { type: 'object' },
          device: {
            type: 'string',
            description: 'What filters frames, alone and in windows: `cpu`, `webgpu`, `cuda` or `tensorrt`.',
          },
        },
      },
      Report: {
        type: 'object',
        required: ['model', 'version', 'device', 'warnings', 'stages', 'frames', 'center', 'windowUsed'],
        properties: {
          model: { type: 'string' },
          version: { type: 'integer' },
          device: {
            type: 'string',
            description: 'What kernels were predicted and applied on: `cpu`, `webgpu`, `cuda` or `tensorrt`.',
          },
          executionProvider: {
            type: 'string',
            description:
              'What ran the networks of the kernels: the device, or `tfjs-wasm` or `tfjs-tensorflow`.',
          },
          encoder: { type: 'string', description: 'The source encoder that was used.' },
          prefilter: {
            enum: PREFILTER_OUTCOMES,
            description:
              'What became of the noise of albedo and normals: filtered (`on`), none by their variances (`clean`), kept (`off`); `none` where the model has no prefilter or nothing to filter.',
          },
          exposure: { type: 'number', description: 'What the colour was multiplied by for the network.' },
          lambda: { type: 'number', description: 'The mean, where it is a map.' },
          lambdaMap: { ...DIGEST, description: 'Digest of the map.' },
          components: { enum: COMPONENT_CHOICES, description: 'What was denoised.' },
          wrap: { enum: ['x', 'none'], description: 'Whether the left border continued at the right one.' },
          motion: {
            enum: ['vectors', 'optical-flow', 'none'],
            description: 'Where the motion between the frames of the window came from.',
          },
          decoded: cacheReport(
            'Frames of the request that were decoded for an earlier one, and that were not.',
          ),
          features: cacheReport('Frames whose features were computed for an earlier request, and were not.'),
          tiles: { type: 'integer' },
          seconds: {
            type: 'number',
            description: 'Elapsed seconds of the work, without the wait for its turn.',
          },
          input: {
            type: 'object',
            description: 'Size, source and parts of the file, and what each channel was used as.',
          },
          aovs: {
            type: 'array',
            items: { type: 'string' },
            description: 'Layers of light that were denoised with the colour.',
          },
          varianceOrigin: { enum: ['layer', 'half-buffers', 'estimated'] },
          sanitized: {
            type: 'object',
            description: 'Samples that were replaced because they were not finite or not allowed, by layer.',
          },
          warnings: {
            type: 'array',
            items: {
              type: 'object',
              required: ['code', 'message'],
              properties: {
                code: { type: 'string' },
                message: { type: 'string' },
                layer: { type: 'string' },
                frame: {
                  type: 'string',
                  description: 'A frame around the denoised one: `frame[2]`, by its place in the request.',
                },
              },
            },
          },
          stages: {
            type: 'object',
            description: 'Seconds by stage.',
            additionalProperties: { type: 'number', minimum: 0 },
          },
          predictedError: {
            type: 'object',
            description:
              'Means over the pixels of the predicted errors of the denoised frame; errors fall with the samples n as n^-decay.',
            properties: {
              smape: { type: 'number' },
              dssim: { type: 'number' },
              decay: { type: 'number' },
            },
          },
          samples: {
            type: 'object',
            description: 'The sample map.',
            properties: {
              metric: { enum: ERROR_METRICS },
              varianceOrigin: {
                enum: ['layer', 'half-buffers', 'estimated'],
                description:
                  'Where the variance comes from that guides: `layer` where the renderer measured it.',
              },
              budgetSpp: { type: 'number' },
              total: { type: 'integer', description: 'Samples of all pixels.' },
              leastSpp: { type: 'integer' },
              mostSpp: { type: 'integer' },
            },
          },
          target: {
            type: 'object',
            description: 'What is left until the target of the request.',
            properties: {
              targetSmape: { type: 'number' },
              reached: { type: 'boolean' },
              sampleFactor: {
                type: ['number', 'null'],
                description: 'Times as many samples as there are; null where no budget would do.',
              },
              additionalSpp: {
                type: ['number', 'null'],
                description: 'Mean samples per pixel to add; null also where `spp` is not known.',
              },
            },
          },
          kernels: KERNELS,
          frames: { type: 'integer', description: 'Frames of the window that was sent.' },
          center: { type: 'integer', description: 'Index of the denoised frame.' },
          windowUsed: { type: 'integer', description: 'Frames that the result was made from.' },
          fireflies: {
            type: 'integer',
            description: 'Pixels that a single lucky sample made bright, which were dimmed before filtering.',
          },
        },
      },
    },
  },
};

function rowOf(description: string) {
  return { type: 'array', items: { type: 'number' }, description };
}

function cacheReport(description: string) {
  const count = { type: 'integer', minimum: 0 };
  return { type: 'object', description, properties: { hits: count, misses: count, bytes: count } };
}

function rangeOf(name: keyof typeof FINISH_RANGES): {
  readonly type: 'number';
  readonly minimum: number;
  readonly maximum: number;
} {
  const [minimum, maximum] = FINISH_RANGES[name];
  return { type: 'number', minimum, maximum };
}
