import { expected, QuietframeError } from '../errors.js';
import type { Raster } from '../image/raster.js';
import type { InputFindings } from './input-findings.js';
import type { PictureRole } from './layers/layer-plan.js';
import type { LayerPlan, PlannedLayer } from './layers/resolve-layers.js';
import type { LightRepairs } from './light-repairs.js';
import {
  areEmptyNormals,
  areEncodedNormals,
  clampAlbedo,
  decodeNormals,
  isConstant,
  isZero,
} from './lint.js';
import { isCopy } from './lobes.js';
import { type PlannedImage, rasterOf } from './planned-image.js';
import { meanOfHalves } from './variance.js';

/** A role's samples: the mean of the halves, if there are two, and both. */
export interface RoleSamples {
  readonly mean: Raster;
  readonly halves: readonly [Raster, Raster] | undefined;
}

/** Share of an albedo above 1 that emissive lamps and rounding explain; more than that is another layer, with light in it. */
const LAMPS = 0.05;

/** Layers of light that are repaired with the colour, so that they still add up to it. */
const LIGHT_ROLES: readonly string[] = ['diffuseDirect', 'diffuseIndirect'];

/** Reads the samples of roles from a file, or from two half buffers, and repairs them. The colour comes first. */
export class RoleReader {
  readonly #main: PlannedImage;
  readonly #half: PlannedImage | undefined;
  readonly #findings: InputFindings;
  readonly #repairs: LightRepairs;

  constructor(
    main: PlannedImage,
    half: PlannedImage | undefined,
    findings: InputFindings,
    repairs: LightRepairs,
  ) {
    this.#main = main;
    this.#half = half;
    this.#findings = findings;
    this.#repairs = repairs;
  }

  /**
   * A role's samples; undefined where the first file does not have them.
   * @throws QuietframeError `mismatched-frames` where the second half buffer does not have them.
   */
  read(role: PictureRole): RoleSamples | undefined {
    return this.#gather(role, (plan) => plan.layers[role]);
  }

  /** As {@link read}. */
  readAlpha(): RoleSamples | undefined {
    return this.#gather('alpha', (plan) => plan.alpha?.read);
  }

  /**
   * Albedo or normals, unless they tell nothing: they are the same everywhere, or a copy of the colour. Unit normals that are the
   * same everywhere are a wall, unless an albedo varies over it: a placeholder says that there are no edges where there are some,
   * and the normals of a textured wall tell nothing.
   * @throws QuietframeError as {@link read}.
   */
  readGuide(role: 'albedo' | 'normal', color: RoleSamples, hasAlbedo = false): RoleSamples | undefined {
    const guide = this.read(role);
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
    const message = `The ${role} (${shown}) ${reason} and is not used: detail will be lost`;
    this.#findings.warn(`missing-${role}`, message, role);
    return undefined;
  }

  #gather(
    role: PictureRole | 'alpha',
    planned: (plan: LayerPlan) => PlannedLayer | undefined,
  ): RoleSamples | undefined {
    const main = this.#repaired(this.#main, role, planned);
    if (main === undefined) return undefined;
    if (this.#half === undefined) return { mean: main, halves: undefined };
    const other = this.#repaired(this.#half, role, planned);
    if (other === undefined) {
      const message = expected(`the role ${role}`, 'the second half buffer', 'a file without it');
      throw new QuietframeError('mismatched-frames', message, { frame: 'half_b', layer: role });
    }
    return { mean: meanOfHalves(main, other), halves: [main, other] };
  }

  /** Samples of a role in one file, repaired. */
  #repaired(
    file: PlannedImage,
    role: PictureRole | 'alpha',
    planned: (plan: LayerPlan) => PlannedLayer | undefined,
  ): Raster | undefined {
    const samples = rasterOf(file.image, planned(file.plan));
    if (samples === undefined) return undefined;
    if (role === 'color') this.#repairs.repairColor(file, samples);
    else if (LIGHT_ROLES.includes(role)) this.#repairs.repairLayer(file, role, samples);
    else this.#findings.sanitize(role, samples, role === 'albedo' || role === 'diffuseColor');
    const bright = role === 'albedo' ? clampAlbedo(samples) : 0;
    if (bright > LAMPS) {
      const channels = planned(file.plan)?.channels.join(', ');
      const message = `${Math.round(100 * bright)} % of the albedo (${channels}) is above 1 and was limited to 1: check that it has no light in it`;
      this.#findings.warn('albedo-range', message, role);
    }
    if (role === 'normal' && areEncodedNormals(samples)) {
      decodeNormals(samples);
      const message = 'The normals were stored as n * 0.5 + 0.5 and were decoded';
      this.#findings.warn('encoded-normals', message, role);
    }
    return samples;
  }
}
