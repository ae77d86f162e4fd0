import { expected, QuietframeError } from '../errors.js';
import type { BrightRegions } from '../image/bright-regions.js';
import { boxHeight, boxWidth } from '../image/image.js';
import type { Raster } from '../image/raster.js';
import type { SanitizedCounts } from '../image/sanitize.js';
import { readSplit } from './diffuse-split.js';
import type { Frame, InputWarning } from './frame.js';
import { InputFindings } from './input-findings.js';
import type { LayerPlan } from './layers/resolve-layers.js';
import { LightRepairs } from './light-repairs.js';
import { frameMotion } from './motion/frame-motion.js';
import type { PlannedImage } from './planned-image.js';
import { RadianceLayers } from './radiance-layers.js';
import { RoleReader } from './role-samples.js';
import { RoleVariances } from './role-variances.js';

export interface BuiltFrame {
  readonly frame: Frame;
  /**
   * The plan's layers of light by name, 3 channels each, as they add up to the beauty, with the surface's colour; for a
   * split, those of irradiance as they add up to `diffuse`, without it.
   */
  readonly lights: ReadonlyMap<string, Raster>;
  /** Samples of the colour and of layers of light, as they are in the file, that are too bright to be filtered. */
  readonly bright: { readonly color?: BrightRegions; readonly lights: ReadonlyMap<string, BrightRegions> };
  readonly warnings: readonly InputWarning[];
  /** By role, for those that had something to repair or to count. */
  readonly sanitized: Readonly<Record<string, SanitizedCounts>>;
}

/**
 * Builds a frame from decoded channels: finite, with normals decoded, albedo in [0, 1] and variances of the mean.
 *
 * With `half`, both images are independent renders of the same frame with the same number of samples: everything is their
 * mean, and their difference gives the variances; layers of colour variance, one of each half, are kept beside it. Otherwise
 * variances come from the file's layers. A colour variance that is in neither is estimated from the neighbourhood. Motion is
 * that of the first image.
 * @throws QuietframeError `mismatched-frames` when the halves differ in size or layers; `missing-layer` when the colour
 * was not decoded.
 */
export function buildFrame(main: PlannedImage, half?: PlannedImage): BuiltFrame {
  if (half !== undefined) checkHalves(main.plan, half.plan);
  const findings = new InputFindings();
  const repairs = new LightRepairs(findings);
  const reader = new RoleReader(main, half, findings, repairs);
  const color = reader.read('color');
  if (color === undefined) {
    const message = expected('decoded samples', 'the colour', 'none');
    throw new QuietframeError('missing-layer', message, { layer: 'color' });
  }
  const albedo = reader.readGuide('albedo', color);
  const normal = reader.readGuide('normal', color, albedo !== undefined);
  const variances = new RoleVariances(main, half, findings, color);
  const alpha = reader.readAlpha()?.mean;
  const { variance: colorVariance, origin } = variances.ofColor(color);
  const measuredVariance = origin === 'layer' ? colorVariance : variances.measured(color);
  const albedoVariance = variances.of('albedoVariance', albedo);
  const normalVariance = variances.of('normalVariance', normal);
  const motion = frameMotion(main, findings);
  const split = readSplit(reader, color, variances.areIndependent);
  const frame: Frame = {
    width: color.mean.width,
    height: color.mean.height,
    source: main.plan.source,
    color: color.mean,
    colorVariance,
    varianceOrigin: origin,
    ...(measuredVariance && { measuredVariance }),
    ...(albedo && { albedo: albedo.mean }),
    ...(albedoVariance && { albedoVariance }),
    ...(normal && { normal: normal.mean }),
    ...(normalVariance && { normalVariance }),
    ...(alpha && { alpha }),
    ...motion,
    ...split.fields,
  };
  const lights = new RadianceLayers(main, half, findings, repairs).read(split.albedo);
  const regionsOf = (name: string, halves: readonly [Raster, Raster]): BrightRegions | undefined =>
    repairs.brightRegions(name, main, half, halves);
  const ofColor = regionsOf('', color.halves ?? [color.mean, color.mean]);
  const ofLights = [...lights].flatMap(([name, light]): [string, BrightRegions][] => {
    const regions = regionsOf(name, [light, light]);
    return regions === undefined ? [] : [[name, regions]];
  });
  const bright = { ...(ofColor && { color: ofColor }), lights: new Map(ofLights) };
  return { frame, lights, bright, warnings: findings.warnings, sanitized: findings.sanitized };
}

/** @throws QuietframeError `mismatched-frames`. */
function checkHalves(main: LayerPlan, half: LayerPlan): void {
  const size = ({ dataWindow: box }: LayerPlan): string =>
    `${boxWidth(box)} x ${boxHeight(box)} pixels at (${box.xMin}, ${box.yMin})`;
  if (size(half) === size(main)) return;
  const message = expected(size(main), 'the second half buffer', size(half));
  throw new QuietframeError('mismatched-frames', message, { frame: 'half_b' });
}
