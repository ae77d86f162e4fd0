import type { SourceName } from '../source-names.js';

/** What a layer can mean to the denoiser. */
export const ROLES = [
  'color',
  'albedo',
  'normal',
  'depth',
  'motion',
  'colorVariance',
  'albedoVariance',
  'normalVariance',
  'diffuseDirect',
  'diffuseIndirect',
  'diffuseColor',
] as const;
export type Role = (typeof ROLES)[number];

export type VarianceRole = 'colorVariance' | 'albedoVariance' | 'normalVariance';

/**
 * Where a role is found: `Layer.SUFFIXES`, one channel for every letter of the suffix, or `SUFFIXES` alone for channels
 * without a layer. A layer matches from the right (`Scene.View.Combined` is `Combined`), in any case of letters, and
 * `.red` is `.R`. `*` is the only layer that has these channels and no others, and no other meaning. `YYY` is luminance alone, read as grey.
 */
export type LayerAlias = string;

/**
 * How a variance layer relates to the variance of the mean:
 * - `mean`: is it.
 * - `samples`: the variance of the samples, to be divided by their number.
 * - `samples-over-mean`: the variance of the samples divided by their mean: times the colour, divided by the number.
 */
export type VarianceKind = 'mean' | 'samples' | 'samples-over-mean';

export interface VarianceLayer {
  readonly role: VarianceRole;
  readonly layer: LayerAlias;
  readonly kind: VarianceKind;
}

/**
 * A layer of light that, with others, makes up the beauty. The last component of its name may end with `*`, which stands
 * for one or more characters: light groups.
 */
export interface LightLayer {
  readonly layer: LayerAlias;
  /** The surface's colour, where the renderer has divided the light by it. */
  readonly surface?: LayerAlias;
  /** The light of some lamps with all that becomes of it, not a lobe of the surfaces. */
  readonly isGroup?: boolean;
}

/** Vectors of one direction, from their frame to another or from that to theirs; `both` are X, Y to previous and Z, W to next. */
type MotionVectors = 'to-previous' | 'from-previous' | 'to-next' | 'from-next' | 'to-both';

/**
 * How a motion layer becomes offsets in pixels, y down, from the centre frame:
 * - `cycles`: X, Y are previous - centre and Z, W are centre - next, in pixels, y up.
 * - others: in pixels with y down; with `y-up`, y up; with `relative`, in shares of the picture's width and height.
 * - `unknown`: the layer is not read.
 */
export type MotionConvention = `${MotionVectors}${'' | ',y-up'}${'' | ',relative'}` | 'cycles' | 'unknown';

/** Patterns of an attribute's `name`, or `name=text` where it holds text, and of a channel's full name. */
export interface SourceMarks {
  readonly attributes: readonly RegExp[];
  readonly channels: readonly RegExp[];
}

/** What makes a result better, where a file has it. */
export const NEEDS = ['albedo', 'normal', 'variance', 'motion', 'lights'] as const;
export type Need = (typeof NEEDS)[number];

/** What is known of a renderer's files: pure data. */
export interface RenderSource {
  readonly name: SourceName;
  /** For people. */
  readonly description: string;
  /** The renderer with the most of these marks wrote the file. */
  readonly detect: SourceMarks;
  /** Marks of an application that hosts several renderers. They count only where no renderer is found by its own marks. */
  readonly detectHost?: SourceMarks;
  /** Pages of the renderer's documentation that name its layers. */
  readonly references: readonly string[];
  /** How to make the renderer write what a better result needs. */
  readonly recipe: Readonly<Record<Need, string>>;
  /** Encoder of the models that was trained with measured variances of this renderer, or of one whose noise is alike. */
  readonly encoder?: string;
  /** Preferred first. The colour's alpha is channel A of its own layer. */
  readonly roles: Readonly<Partial<Record<Exclude<Role, VarianceRole>, readonly LayerAlias[]>>>;
  /** The beauty that others read, where the input is better taken from another layer: the result is written here. */
  readonly target?: readonly LayerAlias[];
  /** What stands before a layer's name is no view layer: Mitsuba nests integrators. */
  readonly hasNestedLayers?: boolean;
  /** The view layer that holds what a compositor made of the others: never taken for the render where there is one. */
  readonly composite?: string;
  readonly variances: readonly VarianceLayer[];
  readonly lights: readonly LightLayer[];
  /**
   * Prefix of layers of second moments, E[x^2] of the samples, whose variance is E[x^2] - E[x]^2. It stands before the
   * whole name of the layer of E[x] or before the last component of it.
   */
  readonly secondMomentPrefix?: string;
  readonly normalSpace: 'world' | 'camera' | 'unknown';
  readonly motionConvention: MotionConvention;
}
