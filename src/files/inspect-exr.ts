import type { ExrPool } from '../exr/pool.js';
import { buildFrame } from '../frame/build-frame.js';
import type { InputWarning, SourceName, VarianceOrigin } from '../frame/frame.js';
import { type RecipeStep, recipeFor } from '../frame/layers/recipe.js';
import {
  type ChannelUse,
  type LayerPlan,
  type ResolveOptions,
  resolveLayers,
} from '../frame/layers/resolve-layers.js';
import { looksLikePanorama } from '../frame/panorama.js';
import type { Box } from '../image/image.js';
import type { SanitizedCounts } from '../image/sanitize.js';
import { maybePanorama } from './denoise-file/wrap.js';
import { planSource } from './window/planned-source.js';
import { readPlanned } from './window/read-planned.js';

/** What an OpenEXR file holds and what a denoiser would make of it. */
export interface Inspection {
  readonly source: SourceName;
  readonly width: number;
  readonly height: number;
  readonly parts: readonly {
    readonly name: string;
    readonly view?: string;
    readonly compression: string;
    readonly dataWindow: Box;
    readonly displayWindow: Box;
    readonly channels: readonly {
      readonly name: string;
      readonly type: string;
      /** Empty for channels that are passed through. */
      readonly usedAs: readonly ChannelUse['usedAs'][];
    }[];
  }[];
  readonly varianceOrigin: VarianceOrigin;
  readonly normalSpace: LayerPlan['normalSpace'];
  readonly motionConvention: LayerPlan['motionConvention'];
  readonly samplesPerPixel?: number;
  readonly sanitized: Readonly<Record<string, SanitizedCounts>>;
  readonly warnings: readonly InputWarning[];
  /** What the file lacks for a better result, and how to make its renderer write it. */
  readonly recipe: readonly RecipeStep[];
}

/**
 * Finds the layers of a file, decodes those that would be used, and checks them.
 * @throws QuietframeError as `ExrPool.open`, `resolveLayers` and `readPlanned`.
 */
export async function inspectExr(
  exr: Uint8Array,
  pool: ExrPool,
  options: ResolveOptions = {},
): Promise<Inspection> {
  const planned = planSource(pool.open(exr), options);
  const { header } = planned.source;
  const read = await readPlanned(planned, pool, { withAlpha: true, withSplit: true });
  // What could be asked for is shown, but not decoded; where there is none, nobody has asked.
  const plan = resolveLayers(header.parts, { ...options, aovs: 'all' });
  const { frame, warnings, sanitized } = buildFrame(read);
  const allWarnings = [...planned.plan.warnings, ...warnings];
  return {
    source: plan.source,
    width: frame.width,
    height: frame.height,
    parts: header.parts.map((part) => ({
      name: part.name,
      ...(part.view !== undefined && { view: part.view }),
      compression: part.compression,
      dataWindow: part.dataWindow,
      displayWindow: part.displayWindow,
      channels: part.channels.map(({ name, type }) => ({
        name,
        type,
        usedAs: plan.uses
          .filter((use) => use.part === part.index && use.channel === name)
          .map((use) => use.usedAs),
      })),
    })),
    varianceOrigin: frame.varianceOrigin,
    normalSpace: plan.normalSpace,
    motionConvention: plan.motionConvention,
    ...(plan.samplesPerPixel !== undefined && { samplesPerPixel: plan.samplesPerPixel }),
    sanitized,
    warnings: [...allWarnings, ...(looksLikePanorama(frame) === 'no' ? [] : [maybePanorama()])],
    recipe: recipeFor({ plan, varianceOrigin: frame.varianceOrigin, warnings: allWarnings }),
  };
}
