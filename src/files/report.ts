import { type Static, Type } from 'typebox';
import { PREFILTER_OUTCOMES } from '../denoise/types.js';
import { DEVICES } from '../engine/device.js';
import { WARNING_CODES, type WarningCode } from '../frame/frame.js';
import { CHANNEL_USES } from '../frame/layers/layer-plan.js';
import { SOURCE_NAMES } from '../frame/source-names.js';
import { GUIDING_METRICS, WEIGHTINGS } from '../sampling/error-metric.js';
import { LOOP_VERSION } from '../sampling/sampling-loop.js';
import { KERNELS } from './kernels-report.js';
import { COMPONENT_CHOICES } from './parameters/filter-parameters.js';

const COUNT = Type.Integer({ minimum: 0 });
const SHA256 = Type.String({ pattern: '^[0-9a-f]{64}$', description: 'SHA-256 of a file.' });
const VARIANCE_ORIGINS = ['layer', 'half-buffers', 'estimated'] as const;

function cacheReport(description: string) {
  return Type.Object({ hits: COUNT, misses: COUNT, bytes: COUNT }, { description });
}

const INPUT = Type.Object(
  {
    width: COUNT,
    height: COUNT,
    parts: COUNT,
    source: Type.Enum([...SOURCE_NAMES]),
    view: Type.Optional(Type.String()),
    views: Type.Optional(
      Type.Array(Type.String(), { description: 'All that were denoised, where several were asked for.' }),
    ),
    samplesPerPixel: Type.Optional(Type.Number()),
    halfBuffers: Type.Boolean(),
    neighbors: Type.Array(Type.Integer(), {
      description: 'Offsets of the other frames of the window, ascending.',
    }),
    channels: Type.Array(
      Type.Object({ part: COUNT, channel: Type.String(), usedAs: Type.Enum([...CHANNEL_USES]) }),
      {
        description: 'What each channel was used as.',
      },
    ),
  },
  { description: 'Size, source and parts of the file, and what each channel was used as.' },
);

const WARNING = Type.Object({
  code: Type.Enum(Object.keys(WARNING_CODES) as WarningCode[]),
  message: Type.String(),
  layer: Type.Optional(Type.String()),
  frame: Type.Optional(
    Type.String({
      description: 'A frame around the denoised one: `frame[2]`, by its place in the request.',
    }),
  ),
});

/** What the report says about magnification and deblurring. */
const FINISH = Type.Object(
  {
    upscale: Type.Optional(Type.Number()),
    guides: Type.Optional(
      Type.Array(Type.String(), { description: 'Buffers at the new size that guided the magnification.' }),
    ),
    deblurSigma: Type.Optional(Type.Number({ description: 'Sigma of the blur that was undone, in pixels.' })),
    strength: Type.Number(),
    cached: Type.Boolean({
      description: 'Whether the frame was denoised, and its parameters predicted, for an earlier request.',
    }),
  },
  { description: 'How the frame was deblurred and magnified.' },
);

const FULL_FIELDS = {
  model: Type.String(),
  version: Type.Integer(),
  device: Type.Enum([...DEVICES], { description: 'What kernels were predicted and applied on.' }),
  executionProvider: Type.String({
    description: 'What ran the networks of the kernels: the device, or `tfjs-wasm` or `tfjs-tensorflow`.',
  }),
  simd: Type.Enum(['relaxed', 'plain'], { description: 'The build of the kernels that ran on the CPU.' }),
  encoder: Type.String({ description: 'The source encoder that was used.' }),
  prefilter: Type.Optional(
    Type.Enum([...PREFILTER_OUTCOMES], {
      description:
        'What became of the noise of albedo and normals: filtered (`on`), none by their variances (`clean`), kept (`off`); `none` where the model has no prefilter or nothing to filter.',
    }),
  ),
  exposure: Type.Number({ description: 'What the color was multiplied by for the network.' }),
  lambda: Type.Number({ description: 'The mean, where it is a map.' }),
  lambdaMap: Type.Optional(SHA256),
  components: Type.Enum([...COMPONENT_CHOICES], { description: 'What was denoised.' }),
  wrap: Type.Enum(['x', 'none'], { description: 'Whether the left border continued at the right one.' }),
  motion: Type.Enum(['vectors', 'optical-flow', 'none'], {
    description: 'Where the motion between the frames of the window came from.',
  }),
  decoded: cacheReport('Frames of the request that were decoded for an earlier one, and that were not.'),
  features: Type.Optional(
    cacheReport('Frames whose features were computed for an earlier request, and were not.'),
  ),
  tiles: COUNT,
  seconds: Type.Number({ description: 'Elapsed seconds of the work, without the wait for its turn.' }),
  input: INPUT,
  aovs: Type.Array(Type.String(), {
    description: 'Layers of light that were denoised with the color.',
  }),
  varianceOrigin: Type.Enum([...VARIANCE_ORIGINS]),
  sanitized: Type.Record(Type.String(), Type.Object({ notFinite: COUNT, negative: COUNT }), {
    description: 'Samples that were replaced because they were not finite or not allowed, by layer.',
  }),
  warnings: Type.Array(WARNING),
  stages: Type.Record(Type.String(), Type.Number({ minimum: 0 }), { description: 'Seconds by stage.' }),
  finish: Type.Optional(FINISH),
  predictedError: Type.Optional(
    Type.Object(
      {
        smape: Type.Number(),
        dssim: Type.Number(),
        decay: Type.Number(),
        lambda: Type.Number({ description: 'The slope of the loss at which the errors are predicted.' }),
      },
      {
        description:
          'Means over the pixels of the predicted errors of the denoised frame; errors fall with the samples n as n^-decay.',
      },
    ),
  ),
  samples: Type.Optional(
    Type.Object(
      {
        metric: Type.Enum([...GUIDING_METRICS]),
        weighting: Type.Enum([...WEIGHTINGS]),
        varianceOrigin: Type.Enum([...VARIANCE_ORIGINS], {
          description: 'Where the variance comes from that guides: `layer` where the renderer measured it.',
        }),
        budgetSpp: Type.Number(),
        total: Type.Integer({ description: 'Samples of all pixels.' }),
        leastSpp: Type.Integer(),
        mostSpp: Type.Integer(),
      },
      { description: 'The sample map.' },
    ),
  ),
  loop: Type.Optional(
    Type.Object(
      {
        done: Type.Boolean({ description: 'Nothing is to be added.' }),
        reason: Type.Optional(Type.Enum(['budget', 'target'], { description: 'Why it is done.' })),
        round: Type.Integer({ minimum: 1, description: 'Rounds that the frame has.' }),
        rounds: Type.Integer({ minimum: 1 }),
        totalSamples: Type.Integer({ description: 'Samples of all pixels that the frame has.' }),
        addSamples: Type.Integer({
          minimum: 0,
          description: 'Samples of all pixels to add, those of the map.',
        }),
        state: Type.Optional(
          Type.Object(
            {
              version: Type.Literal(LOOP_VERSION),
              ...{ budgetSpp: Type.Number(), firstSpp: Type.Number() },
              ...{ width: Type.Integer(), height: Type.Integer(), totalSamples: Type.Integer() },
            },
            { description: 'The parameter `loop` of the request after the next round.' },
          ),
        ),
      },
      { description: 'Where the loop of an adaptive render stands, for requests with `loop`.' },
    ),
  ),
  target: Type.Optional(
    Type.Object(
      {
        targetSmape: Type.Number(),
        reached: Type.Boolean(),
        sampleFactor: Type.Union([Type.Number(), Type.Null()], {
          description: 'Times as many samples as there are; null where no budget would do.',
        }),
        additionalSpp: Type.Union([Type.Number(), Type.Null()], {
          description: 'Mean samples per pixel to add; null also where `spp` is not known.',
        }),
      },
      { description: 'What is left until the target of the request.' },
    ),
  ),
  kernels: Type.Optional(KERNELS),
  windowUsed: Type.Integer({ description: 'Frames that the result was made from.' }),
  fireflies: Type.Optional(
    Type.Integer({
      description: 'Pixels that a single lucky sample made bright, which were dimmed before filtering.',
    }),
  ),
} as const;

/** The report of a denoised file: what the denoiser did, what the file held, and what was made of it. */
export const FULL_REPORT = Type.Object(FULL_FIELDS);
export type FullReport = DeepReadonly<Static<typeof FULL_REPORT>>;

/** What a service reports on a request: which frame of its window was denoised, as well. */
export const REPORT = Type.Object({
  ...FULL_FIELDS,
  frames: Type.Integer({ description: 'Frames of the window that was sent.' }),
  center: Type.Integer({ description: 'Index of the denoised frame.' }),
});
export type Report = DeepReadonly<Static<typeof REPORT>>;

type DeepReadonly<Value> = Value extends object
  ? { readonly [Field in keyof Value]: DeepReadonly<Value[Field]> }
  : Value;
