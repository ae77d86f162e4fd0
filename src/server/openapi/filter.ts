import { FILTER_NAMES } from '../../files/filter/filter-options.js';
import { EXR_MEDIA_TYPE, PNG_MEDIA_TYPE } from '../http/exr-body.js';
import { problems, QUEUED } from './problems.js';
import { BINARY, DIGEST, type Schema } from './schema.js';

function parameter(name: string, description: string, schema: object, required = false) {
  return { name, in: 'query', required, description, schema };
}

function orAuto(range: Schema): Schema {
  return { oneOf: [{ type: 'number', ...range }, { const: 'auto' }] };
}

const PICTURES = {
  [PNG_MEDIA_TYPE]: { schema: { type: 'string', contentMediaType: PNG_MEDIA_TYPE } },
  [EXR_MEDIA_TYPE]: { schema: BINARY },
};

/** `POST /v1/filter`. */
export const FILTER = {
  operationId: 'filter',
  summary: 'Filter a photograph or a render with predicted parameters',
  description:
    'A network predicts the parameters of a classic filter from the luminance of the picture. A PNG of 8 or 16 bits is filtered as it is coded and answered alike; of an OpenEXR file the colour is filtered in scene-linear units.',
  parameters: [
    parameter('with', 'The filter.', { enum: FILTER_NAMES }, true),
    parameter(
      'sigma',
      'Standard deviation of the noise of each channel, of a PNG in [0, 1]; `auto`, the default, estimates it.',
      orAuto({ exclusiveMinimum: 0 }),
    ),
    parameter(
      'blur',
      'Of deblur: sigma of the blur that is undone, in pixels; `auto`, the default, estimates it.',
      orAuto({ minimum: 0.3, maximum: 4 }),
    ),
    parameter('factor', 'Of upscale.', { type: 'number', minimum: 1, maximum: 8, default: 2 }),
    parameter('global', 'The mean of the predicted parameters everywhere.', {
      enum: ['true', 'false'],
      default: 'false',
    }),
    parameter('strength', 'Scales the parameters.', {
      type: 'number',
      minimum: 0,
      maximum: 4,
      default: 1,
    }),
    parameter(
      'parameters',
      'Digest of a file of parameters that is kept as a frame, in place of predicted ones: what `outputs=parameters` has answered, perhaps edited.',
      DIGEST,
    ),
    parameter(
      'outputs',
      'The filtered picture, or the parameters that were applied, as an OpenEXR file of half its size with channels `parameters.<filter>.<name>`.',
      { enum: ['picture', 'parameters'], default: 'picture' },
    ),
  ],
  requestBody: { required: true, content: PICTURES },
  responses: {
    200: {
      description: 'The picture, of the format that was sent, or the parameters.',
      headers: {
        'Quietframe-Filter': { description: 'The filter.', schema: { type: 'string' } },
        'Quietframe-Sigma': { description: 'The noise of each channel.', schema: { type: 'number' } },
      },
      content: PICTURES,
    },
    ...problems(
      ...(['invalid-argument', 'unknown-parameter', 'empty-body', 'malformed-exr'] as const),
      ...(['unsupported-exr', 'missing-layer', 'too-large', 'unsupported-media-type'] as const),
      ...(['not-found', 'method-not-allowed', 'not-implemented', 'unknown-model'] as const),
      ...(['model-damaged', 'file-system', ...QUEUED] as const),
    ),
  },
};
