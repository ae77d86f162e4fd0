import { Type } from 'typebox';
import type { Pixel } from '../../denoise/kpcn/debug-outputs.js';
import { invalidArgument } from '../../errors.js';
import { loopText, parseLoop } from '../../sampling/sampling-loop.js';
import { GUIDING_METRICS, MAX_SPP, OUTPUTS, type Output, WEIGHTINGS } from '../denoise-file/maps.js';
import { parsePixels } from '../denoise-file/parse-pixels.js';
import { COLOR, choice, choices, integer, MAPS, number, text } from './define.js';

/** What the command line writes into a denoised file: `sample-map` writes the map of samples, `explain` the kernels. */
export const OUTPUTS_OF_FILES: readonly Output[] = OUTPUTS.filter(
  (name) => name !== 'samples' && name !== 'kernels',
);

const LAYER_NAME = Type.String({ minLength: 1, maxLength: 255 });

/** Parameters about the error map and the sample map; ranges that depend on others are checked by `checkMaps`. */
export const MAP_PARAMETERS = {
  outputs: choices(OUTPUTS, ['color'], {
    description:
      "What the answer holds, with commas between: the denoised color; the predicted error as channels `error.SMAPE` and `error.DSSIM`; the sample map as channels `samples.density` and `samples.spp`; the mask of fireflies, channel `fireflies.mask`, which is 1 where a lone bright pixel was dimmed (none where no variance was measured); the parameters of filters as channels `parameters.<filter>.<name>`, of model `pkn`, `upscale` and `deblur`; albedo and normals as they guided the model, `auxiliaries`, without noise unless prefilter=off, as channels `quietframe.albedo.R`, `.G`, `.B` and `quietframe.normal.X`, `.Y`, `.Z`; and what the network made on the way, on the CPU and of all levels, 0 the finest: `levels`, denoised and not yet composited, `quietframe.level0.R`; `blend-weights`, alpha of equation 5, `quietframe.blendWeight.level0`; `window-shares`, the share of each frame, `quietframe.windowShare.level0.center`, `.before1`, `.after1`; `gate`, how much of the albedo's texture comes back, `quietframe.gate.level0`; `kernels`, the kernels of `pixels` in the report, which is then the answer. What is not named stays as it is.",
    examples: ['color', 'color,error,samples', 'color,fireflies'],
    operations: COLOR,
    cli: {
      value: '<name,...>',
      help: `what is written: ${OUTPUTS_OF_FILES.join(', ')}`,
    },
  }),
  pixels: text(Type.String({ pattern: '^\\d+,\\d+(;\\d+,\\d+){0,63}$' }), readPixels, pixelsText, {
    description:
      'Pixels whose kernels the report has, `x,y` from the upper left of the data window with semicolons between, at most 64. With outputs=kernels.',
    examples: ['120,80', '120,80;64,64'],
    operations: COLOR,
  }),
  budget: number(
    { exclusiveMinimum: 0, maximum: MAX_SPP },
    {
      description:
        'Mean samples per pixel to plan: `samples.spp` adds up to budget x pixels, rounded. Where it is not given, as many as `target-smape` is predicted to take.',
      see: 'adaptive.md',
      operations: MAPS,
      cli: { value: '<spp>', help: 'mean samples per pixel to plan', commands: ['sample-map'] },
    },
  ),
  loop: text(Type.String({ maxLength: 1024 }), parseLoop, loopText, {
    description:
      'In place of `budget`: JSON of where an adaptive render stands. After an even first round, `{"version":1,"budgetSpp":64}`, with `firstSpp` if it had not 16 samples per pixel; after each further round, the `loop.state` of the report before it.',
    examples: ['{"version":1,"budgetSpp":64}'],
    see: 'adaptive.md#the-loop',
    operations: MAPS,
    cli: {
      value: '<json>',
      help: 'where an adaptive render stands, in place of --budget',
      commands: ['sample-map'],
    },
  }),
  min: integer(
    { minimum: 0, maximum: MAX_SPP, default: 0 },
    {
      description: 'Least samples of a pixel.',
      operations: MAPS,
      cli: { value: '<spp>', help: 'least samples of a pixel', commands: ['sample-map'] },
    },
  ),
  max: integer(
    { minimum: 1, maximum: MAX_SPP, default: MAX_SPP },
    {
      description: 'Most samples of a pixel.',
      operations: MAPS,
      cli: { value: '<spp>', help: 'most samples of a pixel', usual: '', commands: ['sample-map'] },
    },
  ),
  'min-layer': text(LAYER_NAME, readChannel, String, {
    description:
      'Channel of the frame with the least samples of every pixel, whole numbers; `min` applies, too. Of two halves, the first has it.',
    examples: ['limits.min'],
    see: 'adaptive.md#limits-of-every-pixel',
    operations: MAPS,
    cli: {
      value: '<channel>',
      help: 'channel of the frame: least samples of every pixel',
      commands: ['sample-map'],
    },
  }),
  'max-layer': text(LAYER_NAME, readChannel, String, {
    description:
      'Channel of the frame with the most samples of every pixel, whole numbers; `max` applies, too. Of two halves, the first has it.',
    examples: ['limits.max'],
    see: 'adaptive.md#limits-of-every-pixel',
    operations: MAPS,
    cli: {
      value: '<channel>',
      help: 'channel of the frame: most samples of every pixel',
      commands: ['sample-map'],
    },
  }),
  tile: integer(
    { minimum: 1, maximum: 4096, default: 1 },
    {
      description: 'Side of squares of pixels that get the same share, for renderers that sample by tile.',
      operations: MAPS,
      cli: { value: '<px>', help: 'side of tiles that get the same share', commands: ['sample-map'] },
    },
  ),
  metric: choice(GUIDING_METRICS, 'smape', {
    description:
      'The predicted error that guides: SMAPE or DSSIM, which a network predicts; relative squared error or multi-scale DSSIM, derived from these; or the relative variance of the noise, which knows of no denoiser.',
    see: 'adaptive.md#guiding-metrics',
    operations: MAPS,
    cli: { value: '<name>', help: 'error that guides', commands: ['sample-map'] },
  }),
  weighting: choice(WEIGHTINGS, 'reducible', {
    description:
      'Density in proportion to the part of the error that samples reduce (`reducible`), or to the error itself, as Vogels et al. 2018 (`error`).',
    see: 'adaptive.md#from-errors-to-samples',
    operations: MAPS,
    cli: { value: '<name>', help: 'what density is proportional to', commands: ['sample-map'] },
  }),
  'target-smape': number(
    { exclusiveMinimum: 0, exclusiveMaximum: 1 },
    {
      description:
        'Mean SMAPE at which the picture is good enough: `target` of the report says whether it is, and how many more samples that is predicted to take.',
      operations: MAPS,
      cli: {
        value: '<error>',
        help: 'in (0, 1): mean error that is good enough',
        commands: ['sample-map'],
      },
    },
  ),
} as const;

function readChannel(value: string, name: string): string {
  if (value !== '' && value.length <= 255) return value;
  throw invalidArgument('the name of a channel', name, value);
}

function readPixels(value: string, name: string): readonly Pixel[] {
  return parsePixels(value, name);
}

function pixelsText(pixels: readonly Pixel[]): string {
  return pixels.map(({ x, y }) => `${x},${y}`).join(';');
}
