import { Type } from 'typebox';
import { FINISH_RANGES } from '../../denoise/pkn/finish-options.js';
import { PREFILTER_CHOICES } from '../../denoise/types.js';
import { invalidArgument } from '../../errors.js';
import type { Tile } from '../../image/region.js';
import { LAMBDA_RANGE } from '../../limits.js';
import { COLOR, COLOR_AND_SHOTS, choice, number, numberOrAuto, OPERATIONS, text } from './define.js';

export const ALPHA_CHOICES = ['auto', 'copy', 'denoise'] as const;
export const COMPONENT_CHOICES = ['beauty', 'split'] as const;
export const WRAP_CHOICES = ['auto', 'x', 'none'] as const;
const MAX_AOVS = 64;

/** Parameters about the model and what it does with the color. */
export const FILTER_PARAMETERS = {
  lambda: number(
    { ...between(LAMBDA_RANGE), default: 1 },
    {
      description:
        'Slope of the loss: higher keeps more of the input and its noise. A part `lambda` of a form, or a digest in JSON, is a map with a slope for every pixel.',
      see: 'windows.md',
      operations: OPERATIONS,
      cli: { value: '<number|map.exr>', help: 'in [1, 10]: keeps more of the input' },
    },
  ),
  model: text(Type.String(), String, String, {
    description:
      'NAME or NAME@VERSION; by default the first of `/v1/models`, newest version. `pkn` is a fast preview.',
    operations: OPERATIONS,
    cli: {
      value: '<name[@version]>',
      help: 'bundle; pkn is a fast preview',
      usual: 'kpcn',
    },
  }),
  prefilter: choice(PREFILTER_CHOICES, 'auto', {
    description:
      'Whether the model takes noise out of albedo and normals before they guide it: `auto`, where it has a prefilter, unless measured variances show no noise; `on`, always, refused for a model without a prefilter; `off`, never.',
    see: '#clean-albedo-and-normals',
    operations: OPERATIONS,
    cli: { value: '<mode>', help: 'clean albedo, normal' },
  }),
  alpha: choice(ALPHA_CHOICES, 'auto', {
    description:
      'Whether light is made to fit alpha, which is filtered only where it is fractional all around (`auto`); or alpha is copied, or filtered with the kernels of the color.',
    operations: COLOR_AND_SHOTS,
    cli: { value: '<mode>', help: 'fit light to alpha, keep alpha, or filter it' },
  }),
  components: choice(COMPONENT_CHOICES, 'beauty', {
    description:
      'Whether the beauty is denoised as a whole, or diffuse irradiance, albedo and specular on their own where the file has that split; the report says which.',
    see: 'windows.md',
    operations: COLOR_AND_SHOTS,
    cli: { value: '<mode>', help: 'what is denoised' },
  }),
  wrap: choice(WRAP_CHOICES, 'auto', {
    description:
      'Whether the left border continues at the right one, as in latitude-longitude panoramas; `auto` where a frame looks like one.',
    operations: OPERATIONS,
    cli: {
      value: '<mode>',
      help: 'join left and right',
      commands: ['denoise', 'sequence'],
    },
  }),
  aovs: text(
    Type.Union([
      Type.Literal('all'),
      Type.Array(Type.String({ minLength: 1 }), { minItems: 1, maxItems: MAX_AOVS }),
    ]),
    readAovs,
    (aovs) => (aovs === 'all' ? aovs : aovs.join(',')),
    {
      description:
        'Layers of light that are denoised with the kernels of the color, so that they still make up the beauty: `all` that are known of the renderer (light groups, lobes), or names of layers with commas between. By default none: the beauty alone is denoised.',
      examples: ['all', 'Combined_key,Combined_fill'],
      operations: COLOR_AND_SHOTS,
      cli: { value: '<all|name,...>', help: 'light groups and lobes to denoise with the beauty' },
    },
  ),
  region: text(Type.String({ pattern: '^\\d{1,7},\\d{1,7},\\d{1,7},\\d{1,7}$' }), readRegion, regionText, {
    description:
      'Denoises these pixels alone, `x,y,width,height` from the upper left of the data window. The answer is a file of the denoised color with them as its data window, and the very values that the whole frame would have there. With outputs=color and without magnification.',
    examples: ['128,64,640,360'],
    operations: COLOR,
    cli: { value: '<x,y,w,h>', help: 'pixels that are denoised alone, into a file of them' },
  }),
  upscale: number(
    { ...between(FINISH_RANGES.upscale), default: 1 },
    {
      description:
        'Magnifies the result by this factor; the file gets the new size, with every other layer resampled. A part `guide`, or a digest in JSON, guides it.',
      see: 'pkn.md',
      operations: COLOR,
      cli: { value: '<factor>', help: 'in [1, 4]: magnifies the result', usual: '' },
    },
  ),
  deblur: numberOrAuto(between(FINISH_RANGES.deblur), {
    description: 'Undoes a Gaussian blur of so many pixels, or of as many as the edges show (`auto`).',
    operations: COLOR,
    cli: { value: '<sigma|auto>', help: 'in [0.3, 4] pixels: undoes a blur' },
  }),
  strength: number(
    { ...between(FINISH_RANGES.strength), default: 1 },
    {
      description:
        'Scales the predicted parameters of model `pkn`, `upscale` and `deblur`: above 1 filters more, below 1 less.',
      operations: COLOR,
      cli: { value: '<number>', help: 'in [0, 4]: scales the parameters of filters' },
    },
  ),
} as const;

function between([minimum, maximum]: readonly [number, number]) {
  return { minimum, maximum };
}

function readAovs(value: string, name: string): 'all' | readonly string[] {
  if (value === 'all') return value;
  const names = value.split(',').map((layer) => layer.trim());
  if (!names.includes('') && names.length <= MAX_AOVS) return names;
  throw invalidArgument(`all, or at most ${MAX_AOVS} names of layers with commas between`, name, value);
}

/** Whether it lies within the picture is checked when its size is known. */
function readRegion(value: string, name: string): Tile {
  const match = /^(\d{1,7}),(\d{1,7}),(\d{1,7}),(\d{1,7})$/.exec(value);
  const [x, y, width, height] = (match?.slice(1) ?? []).map(Number);
  if (x !== undefined && y !== undefined && width && height) return { x, y, width, height };
  throw invalidArgument('x,y,width,height in pixels', name, value);
}

function regionText({ x, y, width, height }: Tile): string {
  return [x, y, width, height].join(',');
}
