import { stringAttribute } from '../../src/exr/attribute.js';
import { writeExr } from '../../src/exr/write-exr.js';
import type { PartChannels } from '../../src/frame/layers/part-channels.js';
import type { Attribute, Box, Image, ImagePart, Plane, SampleType } from '../../src/image/image.js';

export interface PartRecipe {
  readonly name?: string;
  readonly view?: string;
  readonly window?: Box;
  readonly attributes?: Readonly<Record<string, Attribute | string>>;
  /** `Layer.RGB`: one channel for every letter of the suffix; `Layer.=word` is one channel `Layer.word`. */
  readonly layers: readonly string[];
}

export const WINDOW: Box = { xMin: 0, yMin: 0, xMax: 7, yMax: 5 };

/** Full channel names of `Layer.RGB`, `RGB` or `Layer.=word`. */
export function channelNames(layer: string): string[] {
  const dot = layer.lastIndexOf('.');
  const [prefix, suffix] = [layer.slice(0, dot + 1), layer.slice(dot + 1)];
  return suffix.startsWith('=') ? [prefix + suffix.slice(1)] : [...suffix].map((letter) => prefix + letter);
}

function attributesOf(recipe: PartRecipe): Map<string, Attribute> {
  return new Map(
    Object.entries(recipe.attributes ?? {}).map(([name, value]) => [
      name,
      typeof value === 'string' ? stringAttribute(value) : value,
    ]),
  );
}

/** Header of a file. */
export function header(...recipes: readonly PartRecipe[]): PartChannels[] {
  return recipes.map((recipe) => ({
    name: recipe.name ?? '',
    view: recipe.view,
    dataWindow: recipe.window ?? WINDOW,
    attributes: attributesOf(recipe),
    channels: recipe.layers.flatMap(channelNames).map((name) => ({ name })),
  }));
}

/** Sample of a channel at pixel `i` of the data window. */
export type Samples = (channel: string, i: number) => number;

/** A picture with all channels of the recipes. */
export function image(recipes: readonly PartRecipe[], samples: Samples, type: SampleType = 'float'): Image {
  return {
    parts: recipes.map((recipe): ImagePart => {
      const box = recipe.window ?? WINDOW;
      const pixels = (box.xMax - box.xMin + 1) * (box.yMax - box.yMin + 1);
      const planes = recipe.layers.flatMap(channelNames).map((name): [string, Plane] => {
        const values = Float32Array.from({ length: pixels }, (_, i) => samples(name, i));
        const data = type === 'uint' ? Uint32Array.from(values) : values;
        return [name, { name, type, data }];
      });
      return {
        name: recipe.name ?? '',
        view: recipe.view,
        dataWindow: box,
        displayWindow: box,
        attributes: attributesOf(recipe),
        planes: new Map(planes),
      };
    }),
  };
}

export function exrFile(
  recipes: readonly PartRecipe[],
  samples: Samples,
  type: SampleType = 'float',
): Uint8Array {
  return writeExr(image(recipes, samples, type));
}

/** An attribute of type `int`. */
export function intAttribute(value: number): Attribute {
  return { type: 'int', value: new Uint8Array(new Int32Array([value]).buffer) };
}

/** An attribute of type `stringvector`. */
export function namesAttribute(...names: readonly string[]): Attribute {
  const bytes = names.flatMap((name) => [
    ...new Uint8Array(new Int32Array([name.length]).buffer),
    ...Buffer.from(name),
  ]);
  return { type: 'stringvector', value: new Uint8Array(bytes) };
}

/** Blender's default: one part for every pass, all channels with the view layer's name. */
export function blenderParts(viewLayer: string, passes: readonly string[], view?: string): PartRecipe[] {
  return passes.map((pass) => ({
    name: `${viewLayer}.${pass.slice(0, pass.lastIndexOf('.'))}${view === undefined ? '' : `-${view}`}`,
    ...(view !== undefined && { view }),
    layers: [`${viewLayer}.${pass}`],
  }));
}

/** Passes of a Cycles render with everything on. */
export const BLENDER_PASSES = [
  'Combined.RGBA',
  'Noisy Image.RGBA',
  'Depth.Z',
  'Mist.Z',
  'Position.XYZ',
  'Normal.XYZ',
  'Vector.XYZW',
  'UV.UVA',
  'Object Index.X',
  'Material Index.X',
  'Diffuse Direct.RGB',
  'Diffuse Indirect.RGB',
  'Diffuse Color.RGB',
  'Glossy Direct.RGB',
  'Glossy Indirect.RGB',
  'Glossy Color.RGB',
  'Emission.RGB',
  'Environment.RGB',
  'CryptoObject00.rgba',
  'Denoising Normal.XYZ',
  'Denoising Albedo.RGB',
  'Denoising Specular Albedo.RGB',
  'Denoising Depth.Z',
  'Denoising Roughness.X',
  'Denoising Backward Motion.XY',
];

export interface ExrOptions {
  readonly width?: number;
  readonly height?: number;
  readonly channels?: readonly string[];
  readonly value?: (index: number, channel: string) => number;
}

/** A float file of one part. */
export function makeExr({
  width = 16,
  height = 12,
  channels = ['B', 'G', 'R', 'depth.Z'],
  value = (index, channel) => index / 100 + channel.charCodeAt(0),
}: ExrOptions = {}): Uint8Array {
  const window = { xMin: 0, yMin: 0, xMax: width - 1, yMax: height - 1 };
  const planes = channels.map((name) => {
    const data = Float32Array.from({ length: width * height }, (_, index) => value(index, name));
    return [name, { name, type: 'float', data }] as const;
  });
  const part = {
    name: '',
    view: undefined,
    dataWindow: window,
    displayWindow: window,
    attributes: new Map(),
    planes: new Map(planes),
  };
  return writeExr({ parts: [part] });
}

/** The file with another data window in its header, and nothing else changed. */
export function withDataWindow(exr: Uint8Array, { xMin, yMin, xMax, yMax }: Box): Uint8Array {
  const patched = Buffer.from(exr);
  const start = patched.indexOf('dataWindow\0box2i\0') + 'dataWindow\0box2i\0'.length + 4;
  [xMin, yMin, xMax, yMax].forEach((value, index) => {
    patched.writeInt32LE(value, start + 4 * index);
  });
  return patched;
}
