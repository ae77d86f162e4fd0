import { expected, QuietframeError } from '../errors.js';
import { type BrightRegions, findBrightRegions, meanOfRegions } from '../image/bright-regions.js';
import { boxHeight, boxWidth, type Image } from '../image/image.js';
import { brightnessLimit } from '../image/light-range.js';
import { findNegativeOutliers, replacePixels } from '../image/negative-outliers.js';
import { type Raster, raster } from '../image/raster.js';
import { type SanitizedCounts, sanitize } from '../image/sanitize.js';
import type { Frame, InputWarning, VarianceOrigin, WarningCode } from './frame.js';
import type { Role, VarianceRole } from './layers/render-source.js';
import type { LayerPlan, PlannedLayer } from './layers/resolve-layers.js';
import {
  areEmptyNormals,
  areEncodedNormals,
  areIdentical,
  clampAlbedo,
  decodeNormals,
  isConstant,
  isZero,
  noiseCorrelation,
} from './lint.js';
import { divided, isCopy, product, rest, sum } from './lobes.js';
import { motionFromLayer, unknownOffsets } from './motion/motion.js';
import {
  estimateVariance,
  halfBufferVariance,
  meanOfHalves,
  varianceFromMoments,
  varianceFromRelative,
  varianceFromSamples,
  varianceInBasis,
  varianceOfMeanOf,
} from './variance.js';

/** An image and what its channels are. */
export interface PlannedImage {
  /** With the planes of {@link channelsToRead}; roles whose planes are not there are left out. */
  readonly image: Image;
  readonly plan: LayerPlan;
  /** The components are denoised on their own: layers of irradiance stay without the surface's colour. */
  readonly withSplit?: boolean;
}

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

/** Noise of neighbors that is more alike than this was splatted by a pixel filter. */
const CORRELATION_LIMIT = 0.3;

/** What a frame may have beside colour, its companions and their variances. */
export interface FrameExtras {
  readonly withAlpha?: boolean;
  /** The diffuse and specular split. */
  readonly withSplit?: boolean;
  readonly withMotion?: boolean;
}

/** Full names of the channels that a frame needs, by part. Depth is not among them: nothing reads it yet. */
export function channelsToRead(
  plan: LayerPlan,
  { withAlpha = false, withSplit = false, withMotion = false }: FrameExtras = {},
): ReadonlyMap<number, ReadonlySet<string>> {
  const names = new Map<number, Set<string>>();
  const add = (layer: PlannedLayer | undefined): void => {
    if (layer === undefined) return;
    const known = names.get(layer.part) ?? new Set();
    names.set(layer.part, known);
    for (const channel of layer.channels) known.add(channel);
  };
  const { color, albedo, normal, motion, diffuseDirect, diffuseIndirect, diffuseColor } = plan.layers;
  for (const layer of [color, albedo, normal]) add(layer);
  if (withSplit) for (const layer of [diffuseDirect, diffuseIndirect, diffuseColor]) add(layer);
  if (withMotion && plan.motionConvention !== 'unknown') add(motion);
  for (const { layer, surface } of plan.lights) {
    add(layer);
    add(surface);
  }
  for (const variance of Object.values(plan.variances)) {
    add(variance);
    add(variance.mean);
  }
  if (withAlpha) add(plan.alpha?.read);
  return names;
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
  return new FrameBuilder(main, half).build();
}

/** A role's samples: the mean of the halves, if there are two, and both. */
interface Gathered {
  readonly mean: Raster;
  readonly halves: readonly [Raster, Raster] | undefined;
}

/** What the colour of a file says about all light of the file. */
interface LightRepairs {
  /** Brighter samples are replaced. */
  readonly limit: number;
  /** Pixels that are replaced by their neighbors. */
  readonly outliers: readonly number[];
}

/** Layers of light that are repaired with the colour, so that they still add up to it. */
const LIGHT_ROLES: readonly string[] = ['diffuseDirect', 'diffuseIndirect'];

class FrameBuilder {
  readonly #main: PlannedImage;
  readonly #half: PlannedImage | undefined;
  readonly #warnings: InputWarning[] = [];
  readonly #sanitized: Record<string, SanitizedCounts> = {};
  /** Of the split, where the file has it. */
  #diffuseAlbedo: Gathered | undefined;
  readonly #repairs = new Map<PlannedImage, LightRepairs>();
  /** By file and layer; those of the colour have no name. */
  readonly #bright = new Map<PlannedImage, Map<string, BrightRegions>>();

  constructor(main: PlannedImage, half: PlannedImage | undefined) {
    this.#main = main;
    this.#half = half;
    if (half === undefined) return;
    const size = ({ dataWindow: box }: LayerPlan): string =>
      `${boxWidth(box)} x ${boxHeight(box)} pixels at (${box.xMin}, ${box.yMin})`;
    if (size(half.plan) !== size(main.plan)) {
      throw new QuietframeError(
        'mismatched-frames',
        expected(size(main.plan), 'the second half buffer', size(half.plan)),
        { frame: 'half_b' },
      );
    }
  }

  build(): BuiltFrame {
    const color = this.#layer('color');
    if (color === undefined) {
      throw new QuietframeError('missing-layer', expected('decoded samples', 'the colour', 'none'), {
        layer: 'color',
      });
    }
    const albedo = this.#guide('albedo', color);
    const normal = this.#guide('normal', color, albedo !== undefined);
    const independent = this.#areIndependent(color);
    const alpha = this.#gather('alpha', (plan) => plan.alpha?.read)?.mean;
    const { variance: colorVariance, origin } = this.#colorVariance(color, independent);
    const measuredVariance = origin === 'layer' ? colorVariance : this.#measuredVariance(color, independent);
    const albedoVariance = this.#variance('albedoVariance', albedo, independent);
    const normalVariance = this.#variance('normalVariance', normal, independent);
    const motion = this.#motion();
    const frame: Frame = {
      width: color.mean.width,
      height: color.mean.height,
      source: this.#main.plan.source,
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
      ...this.#split(color, independent),
    };
    const lights = new Map(this.#main.plan.lights.map(({ name }) => [name, this.#light(name)]));
    const bright = this.#brightRegions(color, lights);
    return { frame, lights, bright, warnings: this.#warnings, sanitized: this.#sanitized };
  }

  #brightRegions(color: Gathered, lights: ReadonlyMap<string, Raster>): BuiltFrame['bright'] {
    const regionsOf = (name: string, halves: readonly [Raster, Raster]): BrightRegions | undefined => {
      const [own, other] = [this.#main, this.#half].map((file) => file && this.#bright.get(file)?.get(name));
      return this.#half === undefined ? own : meanOfRegions([own, other], halves);
    };
    const ofColor = regionsOf('', color.halves ?? [color.mean, color.mean]);
    const ofLights = [...lights].flatMap(([name, light]): [string, BrightRegions][] => {
      const regions = regionsOf(name, [light, light]);
      return regions === undefined ? [] : [[name, regions]];
    });
    return { ...(ofColor && { color: ofColor }), lights: new Map(ofLights) };
  }

  #layer(role: Exclude<Role, VarianceRole>): Gathered | undefined {
    return this.#gather(role, (plan) => plan.layers[role]);
  }

  /**
   * Albedo or normals, unless they tell nothing: they are the same everywhere, or a copy of the colour. Unit normals that are the
   * same everywhere are a wall, unless an albedo varies over it: a placeholder says that there are no edges where there are some,
   * and the normals of a textured wall tell nothing.
   */
  #guide(role: 'albedo' | 'normal', color: Gathered, hasAlbedo = false): Gathered | undefined {
    const guide = this.#layer(role);
    if (guide === undefined) return undefined;
    const { width, height } = guide.mean;
    const isEmpty = [guide.mean, ...(guide.halves ?? [])].every(
      role === 'normal' && !hasAlbedo ? areEmptyNormals : isConstant,
    );
    // One pixel is the same everywhere, whatever it holds.
    const reason =
      isEmpty && width * height > 1
        ? `is ${isZero(guide.mean) ? '0' : 'the same'} everywhere`
        : role === 'albedo' && this.#main.plan.isAlbedoGuessed && isCopy(guide.mean, color.mean)
          ? 'is a copy of the colour'
          : undefined;
    if (reason === undefined) return guide;
    const shown = this.#main.plan.layers[role]?.channels.join(', ');
    this.#warn(
      `missing-${role}`,
      `The ${role} (${shown}) ${reason} and is not used: detail will be lost`,
      role,
    );
    return undefined;
  }

  #gather(
    role: Exclude<Role, VarianceRole> | 'alpha',
    planned: (plan: LayerPlan) => PlannedLayer | undefined,
  ): Gathered | undefined {
    const main = this.#read(this.#main, role, planned);
    if (main === undefined) return undefined;
    if (this.#half === undefined) return { mean: main, halves: undefined };
    const other = this.#read(this.#half, role, planned);
    if (other === undefined) {
      const range = `the role ${role}`;
      throw new QuietframeError(
        'mismatched-frames',
        expected(range, 'the second half buffer', 'a file without it'),
        {
          frame: 'half_b',
          layer: role,
        },
      );
    }
    return { mean: meanOfHalves(main, other), halves: [main, other] };
  }

  /** Samples of a role in one file, repaired. */
  #read(
    file: PlannedImage,
    role: Exclude<Role, VarianceRole> | 'alpha',
    planned: (plan: LayerPlan) => PlannedLayer | undefined,
  ): Raster | undefined {
    const samples = rasterOf(file.image, planned(file.plan));
    if (samples === undefined) return undefined;
    if (role === 'color') this.#repairColor(file, samples);
    else if (LIGHT_ROLES.includes(role)) this.#repairLight(file, role, samples);
    else this.#sanitize(role, samples, role === 'albedo' || role === 'diffuseColor');
    if (role === 'albedo') {
      if (clampAlbedo(samples)) this.#warn('albedo-range', 'Albedo above 1 was limited to 1', role);
    }
    if (role === 'normal' && areEncodedNormals(samples)) {
      decodeNormals(samples);
      this.#warn('encoded-normals', 'The normals were stored as n * 0.5 + 0.5 and were decoded', role);
    }
    return samples;
  }

  #repairColor(file: PlannedImage, samples: Raster): void {
    const limit = brightnessLimit(samples);
    this.#findBright(file, '', samples, limit);
    this.#sanitize('color', samples, false, limit);
    const outliers = findNegativeOutliers(samples);
    this.#repairs.set(file, { limit, outliers });
    if (outliers.length === 0) return;
    replacePixels(samples, outliers);
    const message = `${outliers.length} pixels of the colour are far below zero: the mean of their neighbors was used`;
    this.#warn('negative-outliers', message, 'color');
  }

  /** After that of the colour. */
  #repairLight(file: PlannedImage, name: string, samples: Raster): void {
    const { limit, outliers } = this.#repairs.get(file) ?? { limit: Number.MAX_VALUE, outliers: [] };
    this.#findBright(file, name, samples, limit);
    this.#sanitize(name, samples, false, limit);
    replacePixels(samples, outliers);
  }

  #findBright(file: PlannedImage, name: string, samples: Raster, limit: number): void {
    const regions = findBrightRegions(samples, limit);
    if (regions === undefined) return;
    const known = this.#bright.get(file) ?? new Map<string, BrightRegions>();
    this.#bright.set(file, known.set(name, regions));
    const what = name === '' ? 'color' : name;
    const message = `${regions.indices.length} samples of ${what} are in regions that are infinite or too bright to filter: they were taken as they are`;
    this.#warn('bright-regions', message, what);
  }

  #sanitize(role: string, samples: Raster, zeroNegatives: boolean, limit?: number): void {
    const counts = sanitize(samples, { zeroNegatives, ...(limit !== undefined && { limit }) });
    const signed = role === 'normal';
    const { notFinite, negative } = this.#sanitized[role] ?? { notFinite: 0, negative: 0 };
    const total = {
      notFinite: notFinite + counts.notFinite,
      negative: negative + (signed ? 0 : counts.negative),
    };
    if (total.notFinite === 0 && total.negative === 0) return;
    this.#sanitized[role] = total;
    if (counts.notFinite > 0) {
      this.#warn(
        'not-finite',
        `NaN or infinite samples of ${role} were replaced by their neighbors' mean`,
        role,
      );
    }
    if (role === 'color' && counts.negative > 0) {
      this.#warn('negative-color', 'Negative samples of the colour were kept', role);
    }
  }

  #areIndependent({ halves }: Gathered): boolean {
    if (halves === undefined) return false;
    if (areIdentical(...halves)) {
      const message = 'The half buffers are the same picture: no variance can be taken from them';
      this.#warn('identical-halves', message, 'color');
      return false;
    }
    const correlation = noiseCorrelation(...halves);
    if (correlation > CORRELATION_LIMIT) {
      const shown = correlation.toFixed(2);
      this.#warn(
        'correlated-noise',
        `The noise of neighbouring pixels is alike (${shown}): render with a box filter or filter importance sampling`,
        'color',
      );
    }
    return true;
  }

  #colorVariance(color: Gathered, independent: boolean): { variance: Raster; origin: VarianceOrigin } {
    const origin = this.#half === undefined ? 'layer' : 'half-buffers';
    const variance = this.#variance('colorVariance', color, independent);
    if (variance !== undefined && !isZero(variance)) return { variance, origin };
    if (variance !== undefined && !isZero(color.mean)) {
      this.#warn(
        'zero-variance',
        'The colour variance is zero everywhere and was estimated instead',
        'color',
      );
    }
    return { variance: estimateVariance(color.mean), origin: 'estimated' };
  }

  #variance(role: VarianceRole, of: Gathered | undefined, independent: boolean): Raster | undefined {
    if (of === undefined) return undefined;
    // Both halves have the same guide where it came in a file of its own: their difference says nothing.
    const isShared = this.#main.plan.files?.some((file) => `${file}Variance` === role) ?? false;
    if (this.#half !== undefined && isShared) return undefined;
    if (this.#half !== undefined)
      return independent && of.halves ? halfBufferVariance(...of.halves) : undefined;
    return this.#layerVariance(this.#main, role, of.mean);
  }

  /** Of the mean of two halves, where both have a layer with the variance of their own. */
  #measuredVariance({ halves }: Gathered, independent: boolean): Raster | undefined {
    if (this.#half === undefined || halves === undefined || !independent) return undefined;
    const first = this.#layerVariance(this.#main, 'colorVariance', halves[0]);
    const second = this.#layerVariance(this.#half, 'colorVariance', halves[1]);
    if (first === undefined || second === undefined) return undefined;
    const variance = varianceOfMeanOf(first, second);
    if (!isZero(variance)) return variance;
    this.#warn('zero-variance', 'The measured colour variance is zero everywhere and is not used', 'color');
    return undefined;
  }

  #layerVariance({ image, plan }: PlannedImage, role: VarianceRole, value: Raster): Raster | undefined {
    const planned = plan.variances[role];
    const samples = rasterOf(image, planned);
    if (planned === undefined || samples === undefined) return undefined;
    this.#sanitize(role, samples, true);
    if (planned.kind === 'mean') return varianceFromSamples(samples, 1);
    const count = plan.samplesPerPixel;
    if (count === undefined) return undefined;
    if (planned.kind === 'samples') return varianceFromSamples(samples, count);
    if (planned.kind === 'samples-over-mean') return varianceFromRelative(samples, value, count);
    const mean = rasterOf(image, planned.mean);
    if (mean === undefined || count < 2) return undefined;
    sanitize(mean);
    return varianceInBasis(varianceFromMoments(mean, samples, count), mean, value);
  }

  /** Diffuse irradiance and the rest, where the file has the split. */
  #split(color: Gathered, independent: boolean): Partial<Frame> {
    const direct = this.#layer('diffuseDirect');
    const indirect = this.#layer('diffuseIndirect');
    const albedo = this.#layer('diffuseColor');
    if (direct === undefined || indirect === undefined || albedo === undefined) return {};
    this.#diffuseAlbedo = albedo;
    const diffuse =
      direct.halves && indirect.halves
        ? this.#meanIrradiance([
            sum(direct.halves[0], indirect.halves[0]),
            sum(direct.halves[1], indirect.halves[1]),
          ])
        : sum(direct.mean, indirect.mean);
    const specular = rest(color.mean, diffuse, albedo.mean);
    const split = { diffuse, diffuseAlbedo: albedo.mean, specular };
    if (!independent || !direct.halves || !indirect.halves || !albedo.halves || !color.halves) {
      return {
        ...split,
        diffuseVariance: estimateVariance(diffuse),
        diffuseAlbedoVariance: estimateVariance(albedo.mean),
        specularVariance: estimateVariance(specular),
      };
    }
    const diffuseA = sum(direct.halves[0], indirect.halves[0]);
    const diffuseB = sum(direct.halves[1], indirect.halves[1]);
    return {
      ...split,
      diffuseVariance: halfBufferVariance(diffuseA, diffuseB),
      diffuseAlbedoVariance: halfBufferVariance(...albedo.halves),
      specularVariance: halfBufferVariance(
        rest(color.halves[0], diffuseA, albedo.halves[0]),
        rest(color.halves[1], diffuseB, albedo.halves[1]),
      ),
    };
  }

  /**
   * Irradiance that, times the mean albedo of the halves, is the mean of their light: noise that irradiance and albedo share
   * would otherwise be missing from the diffuse light and be in the rest.
   */
  #meanIrradiance(halves: readonly [Raster, Raster]): Raster {
    const albedo = this.#diffuseAlbedo;
    if (albedo?.halves === undefined) return meanOfHalves(...halves);
    const [a, b] = albedo.halves;
    return divided(
      meanOfHalves(product(halves[0], a), product(halves[1], b)),
      albedo.mean,
      meanOfHalves(...halves),
    );
  }

  /** Directions without a single known offset are left out. */
  #motion(): Pick<Frame, 'motionToPrevious' | 'motionToNext'> {
    const { image, plan } = this.#main;
    const samples = rasterOf(image, plan.layers.motion);
    const motion = samples && motionFromLayer(samples, plan.motionConvention);
    if (samples === undefined || motion === undefined) return {};
    const { toPrevious, toNext } = motion;
    const [before, after] = [toPrevious, toNext].map((way) =>
      way === undefined ? 0 : unknownOffsets(way),
    ) as [number, number];
    const pixels = samples.width * samples.height;
    if (before + after > 0) {
      const message = `${before + after} motion vectors are not finite or too long: other frames are left out there`;
      this.#warn('unknown-motion', message, 'motion');
    }
    return {
      ...(toPrevious && before < pixels && { motionToPrevious: toPrevious }),
      ...(toNext && after < pixels && { motionToNext: toNext }),
    };
  }

  /** The light of a layer as it is in the beauty, the mean of the halves if there are two. */
  #light(name: string): Raster {
    const [main, other] = [this.#main, this.#half].map((file) => file && this.#lightOf(file, name));
    if (main === undefined || other === undefined) return main as Raster;
    const { withSplit, plan } = this.#main;
    const { component } = plan.lights.find((light) => light.name === name) ?? {};
    return withSplit && component === 'irradiance'
      ? this.#meanIrradiance([main, other])
      : meanOfHalves(main, other);
  }

  #lightOf(file: PlannedImage, name: string): Raster {
    const { image, plan, withSplit } = file;
    const planned = plan.lights.find((light) => light.name === name);
    const light = rasterOf(image, planned?.layer);
    if (light === undefined) {
      const range = 'the same layers as the first file';
      throw new QuietframeError(
        'mismatched-frames',
        expected(range, 'the second half buffer', `none of ${name}`),
        {
          frame: 'half_b',
          layer: name,
        },
      );
    }
    this.#repairLight(file, name, light);
    const surface = rasterOf(image, planned?.surface);
    if (surface === undefined || (withSplit && planned?.component === 'irradiance')) return light;
    this.#sanitize(`${name} surface`, surface, true);
    return product(light, surface);
  }

  /** Once for both halves. */
  #warn(code: WarningCode, message: string, layer: string): void {
    if (this.#warnings.some((known) => known.code === code && known.layer === layer)) return;
    this.#warnings.push({ code, message, layer });
  }
}

/** Planes of a layer as one raster, copied; undefined when one of them was not decoded. */
export function rasterOf(image: Image, layer: PlannedLayer | undefined): Raster | undefined {
  const part = layer === undefined ? undefined : image.parts[layer.part];
  if (layer === undefined || part === undefined) return undefined;
  const width = boxWidth(part.dataWindow);
  const height = boxHeight(part.dataWindow);
  const result = raster(width, height, layer.channels.length);
  for (const [c, name] of layer.channels.entries()) {
    const samples = part.planes.get(name);
    if (samples === undefined) return undefined;
    result.data.set(samples.data, c * width * height);
  }
  return result;
}
