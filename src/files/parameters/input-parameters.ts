import { Type } from 'typebox';
import { invalidArgument } from '../../errors.js';
import { ROLES, type Role } from '../../frame/layers/render-source.js';
import { layersText } from '../../frame/layers/resolve-layers.js';
import { namedMotion } from '../../frame/motion/motion.js';
import { SOURCE_NAMES } from '../../frame/source-names.js';
import { MAX_WINDOW } from '../../limits.js';
import { choice, integer, MAPS, number, OPERATIONS, text } from './define.js';

/** Parameters about the files: which layer means what, and which frame of a window is denoised. */
export const INPUT_PARAMETERS = {
  source: choice(['auto', ...SOURCE_NAMES] as const, 'auto', {
    description:
      'The renderer whose layer names the file has, see `/v1/sources`; `auto` detects it from the names of layers and attributes.',
    operations: OPERATIONS,
    cli: { value: '<name>', help: 'renderer that wrote the file' },
  }),
  encoder: text(Type.String({ default: 'auto' }), String, String, {
    description:
      'The source encoder of the model that reads the frames, one of its `sources`; `auto` chooses by renderer, measured variances, albedo and normals. Refused where the frames do not have what it reads.',
    examples: ['cycles', 'mitsuba', 'generic', 'color'],
    see: '#encoders',
    operations: OPERATIONS,
    cli: { value: '<name>', help: 'encoder of the model: cycles, mitsuba, generic, color' },
  }),
  layer: text(Type.String(), readLayers, (layers) => layersText(layers), {
    description:
      'Layers of roles, over what is known of the renderer, as `role=layer` with commas between; `none` leaves a role out.',
    examples: ['albedo=MyAlbedo,normal=none'],
    operations: OPERATIONS,
    cli: {
      value: '<role=layer>',
      help: 'layer of a role: albedo=MyAlbedo; repeatable',
    },
  }),
  motion: text(Type.String({ default: 'auto' }), readMotion, String, {
    description:
      'How the layer of motion vectors is read: `auto`, by the table of the renderer; `none`, not at all, for optical flow; `cycles`; `to-previous`, `from-previous`, `to-next`, `from-next` (X and Y) or `to-both` (X and Y to the previous, Z and W to the next frame), in pixels with y down, or with `,y-up` and `,relative` (to the size of the picture) after it.',
    examples: ['from-previous,y-up'],
    see: 'windows.md#wrong-vectors',
    operations: OPERATIONS,
    cli: {
      value: '<convention>',
      help: 'how vectors are read: none, cycles, to-previous,y-up',
      usual: "the renderer's",
    },
  }),
  view: text(Type.String({ minLength: 1, maxLength: 255 }), readView, String, {
    description:
      'Stereo view that is denoised, of a file with several; `all` denoises each with its own guides into one file. By default the first: that of `multiView`, or else `main`, `left`, or the first by name.',
    examples: ['right', 'all'],
    operations: OPERATIONS,
    cli: {
      value: '<name|all>',
      help: 'stereo view that is denoised, or all, each by itself',
      usual: "the file's first",
    },
  }),
  spp: number(
    { exclusiveMinimum: 0 },
    {
      description:
        'Mean samples per pixel of the frame, for maps and for variance layers that need them; by default what its attributes say.',
      see: 'adaptive.md#a-variance-that-the-renderer-measured',
      operations: MAPS,
      cli: { value: '<n>', help: 'samples per pixel, for variance layers' },
      aliases: ['samples-per-pixel', 'samplesPerPixel'],
    },
  ),
  center: integer(
    { minimum: 0, maximum: MAX_WINDOW - 1 },
    {
      description:
        'Index of the frame to denoise in the window, from 0; by default the middle one, of two middle ones the later.',
      operations: MAPS,
    },
  ),
} as const;

function readLayers(value: string, name: string): Partial<Record<Role, string>> {
  const layers: Partial<Record<Role, string>> = {};
  for (const pair of value.split(',')) {
    const equals = pair.indexOf('=');
    const role = ROLES.find((candidate) => candidate === pair.slice(0, equals).trim());
    const layer = pair.slice(equals + 1).trim();
    if (role === undefined || layer === '' || Object.hasOwn(layers, role)) {
      const range = `role=layer with a role of ${ROLES.join(', ')}, each once, with commas between,`;
      throw invalidArgument(range, name, value);
    }
    layers[role] = layer;
  }
  return layers;
}

function readMotion(value: string): string {
  if (value !== 'auto') namedMotion(value);
  return value;
}

function readView(value: string, name: string): string {
  if (value !== '' && value.length <= 255) return value;
  throw invalidArgument('all, or the name of a view', name, value);
}
