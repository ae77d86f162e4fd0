import type { Box } from '../../image/image.js';
import type { FileRole } from '../../image/joined-parts.js';
import type { InputWarning, SourceName } from '../frame.js';
import type { VarianceKind, VarianceRole } from './render-source.js';
import { type MotionConvention, type RenderSource, ROLES, type Role } from './render-source.js';

/**
 * Channels of one part, in the order of their meaning (R, G, B or X, Y, Z). Luminance alone is grey: the same channel three
 * times.
 */
export interface PlannedLayer {
  readonly part: number;
  /** Full channel names. */
  readonly channels: readonly string[];
}

export interface PlannedVariance extends PlannedLayer {
  /** `second-moment`: E[x^2] of samples whose E[x] is `mean`. */
  readonly kind: VarianceKind | 'second-moment';
  readonly mean?: PlannedLayer;
}

/** A layer of light that is filtered with the kernels of the colour. */
export interface AovPlan {
  /** Layer name without the view layer. */
  readonly name: string;
  readonly layer: PlannedLayer;
  /** The surface's colour that the light was divided by: their product is what adds up to the beauty. */
  readonly surface?: PlannedLayer;
  /** What it is a part of, where the beauty is split; layers that the tables do not know may hold anything. */
  readonly component: 'irradiance' | 'specular' | 'beauty';
}

/** What a channel may be used as. */
export const CHANNEL_USES = [
  ...ROLES,
  ...(['alpha', 'colorMean', 'albedoMean', 'normalMean', 'light', 'lightSurface', 'result'] as const),
] as const;

/** One line of "which channel is used as what". */
export interface ChannelUse {
  readonly part: number;
  readonly channel: string;
  readonly usedAs: (typeof CHANNEL_USES)[number];
}

/** A role that is not a variance. */
export type PictureRole = Exclude<Role, VarianceRole>;

/** Which channels play which role. Holds names only: nothing has been decoded yet. */
export interface LayerPlan {
  readonly source: SourceName;
  /** Stereo view that is denoised, where the file has any. */
  readonly view: string | undefined;
  /** Data window of the colour; everything in the plan shares it. */
  readonly dataWindow: Box;
  readonly layers: Readonly<Partial<Record<PictureRole, PlannedLayer>>> & {
    readonly color: PlannedLayer;
  };
  /** The albedo was found by its channels and not by its name: it may turn out to be a copy of the colour. */
  readonly isAlbedoGuessed: boolean;
  readonly variances: Readonly<Partial<Record<VarianceRole, PlannedVariance>>>;
  /** Those that the request asks for. */
  readonly lights: readonly AovPlan[];
  /** Where the denoised colour is written: the beauty that others read. */
  readonly target: PlannedLayer;
  /** Alpha of the noisy colour, and where a denoised one is written. */
  readonly alpha: { readonly read: PlannedLayer; readonly target: PlannedLayer } | undefined;
  /** Samples of a pixel, as the request or the header tells. */
  readonly samplesPerPixel: number | undefined;
  readonly normalSpace: RenderSource['normalSpace'];
  readonly motionConvention: MotionConvention;
  readonly uses: readonly ChannelUse[];
  /** Roles whose layers came in files of their own. */
  readonly files?: readonly FileRole[];
  readonly warnings: readonly InputWarning[];
}

export interface ResolveOptions {
  /** `auto`, the default, recognises the renderer by attributes and channel names. */
  readonly source?: SourceName | 'auto';
  /**
   * Stereo view that is denoised; by default the file's own default view, or else `main`, `left`, or the first by name. `all`
   * plans that one, too: whoever denoises all goes through them.
   */
  readonly view?: string;
  /** Layer by role, over the renderer's table; `none` for a role leaves it out. A layer matches from the right. */
  readonly layers?: Readonly<Partial<Record<Role, string>>>;
  /**
   * How the layer of motion vectors is read, over the renderer's table: `none`, or a `MotionConvention`; `auto`, the default,
   * leaves it to the table.
   */
  readonly motion?: string;
  /** Samples of a pixel, where the header does not tell; some variance layers need it. */
  readonly samplesPerPixel?: number;
  /**
   * Layers of light (AOVs, light groups) to denoise with the kernels of the colour: `all` that the renderer's table knows,
   * or names of layers, which match from the right; none by default.
   */
  readonly aovs?: 'all' | readonly string[];
}

/** Layers by role as requests write them: `role=layer` with commas between, by the names of the roles. */
export function layersText(layers: NonNullable<ResolveOptions['layers']>): string {
  const pairs = Object.entries(layers).map(([role, layer]) => `${role}=${layer}`);
  return pairs.sort().join(',');
}

/** Tells layers apart. */
export function layerKey({ part, channels }: PlannedLayer): string {
  return JSON.stringify([part, channels]);
}

/** What each channel of a plan is used as. */
export function usesOf({
  layers,
  variances,
  lights,
  alpha,
  target,
}: Pick<LayerPlan, 'layers' | 'variances' | 'lights' | 'alpha' | 'target'>): ChannelUse[] {
  const uses: ChannelUse[] = [];
  const add = (layer: PlannedLayer | undefined, usedAs: ChannelUse['usedAs']): void => {
    if (layer === undefined) return;
    for (const channel of new Set(layer.channels)) uses.push({ part: layer.part, channel, usedAs });
  };
  for (const role of ROLES) {
    if (role === 'colorVariance' || role === 'albedoVariance' || role === 'normalVariance') {
      add(variances[role], role);
      const mean = {
        colorVariance: 'colorMean',
        albedoVariance: 'albedoMean',
        normalVariance: 'normalMean',
      } as const;
      add(variances[role]?.mean, mean[role]);
    } else {
      add(layers[role], role);
    }
  }
  for (const { layer } of lights) add(layer, 'light');
  const surfaces = new Map(
    lights.flatMap(({ surface }) => (surface ? [[layerKey(surface), surface] as const] : [])),
  );
  for (const surface of surfaces.values()) add(surface, 'lightSurface');
  add(alpha?.read, 'alpha');
  add(target, 'result');
  return uses;
}
