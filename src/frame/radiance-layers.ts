import { expected, QuietframeError } from '../errors.js';
import type { Raster } from '../image/raster.js';
import { meanIrradiance } from './diffuse-split.js';
import type { InputFindings } from './input-findings.js';
import type { LightRepairs } from './light-repairs.js';
import { product } from './lobes.js';
import { type PlannedImage, rasterOf } from './planned-image.js';
import type { RoleSamples } from './role-samples.js';
import { meanOfHalves } from './variance.js';

/** Reads the plan's layers of light, after the colour of the same files. */
export class RadianceLayers {
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
   * The light of all layers by name, as it is in the beauty; the mean of the halves if there are two.
   * @param albedo of the split, where the file has it.
   * @throws QuietframeError `mismatched-frames` where the second half buffer lacks one.
   */
  read(albedo: RoleSamples | undefined): ReadonlyMap<string, Raster> {
    return new Map(this.#main.plan.lights.map(({ name }) => [name, this.#light(name, albedo)]));
  }

  #light(name: string, albedo: RoleSamples | undefined): Raster {
    const main = this.#lightOf(this.#main, name);
    if (this.#half === undefined) return main;
    const other = this.#lightOf(this.#half, name);
    const { withSplit, plan } = this.#main;
    const { component } = plan.lights.find((light) => light.name === name) ?? {};
    return withSplit && component === 'irradiance'
      ? meanIrradiance([main, other], albedo)
      : meanOfHalves(main, other);
  }

  #lightOf(file: PlannedImage, name: string): Raster {
    const { image, plan, withSplit } = file;
    const planned = plan.lights.find((light) => light.name === name);
    const light = rasterOf(image, planned?.layer);
    if (light === undefined) {
      const range = 'the same layers as the first file';
      const message = expected(range, 'the second half buffer', `none of ${name}`);
      throw new QuietframeError('mismatched-frames', message, { frame: 'half_b', layer: name });
    }
    this.#repairs.repairLayer(file, name, light);
    const surface = rasterOf(image, planned?.surface);
    if (surface === undefined || (withSplit && planned?.component === 'irradiance')) return light;
    this.#findings.sanitize(`${name} surface`, surface, true);
    return product(light, surface);
  }
}
