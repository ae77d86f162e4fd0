import type { Raster } from '../image/raster.js';
import type { Frame } from './frame.js';
import { divided, product, rest, sum } from './lobes.js';
import type { RoleReader, RoleSamples } from './role-samples.js';
import { estimateVariance, halfBufferVariance, meanOfHalves } from './variance.js';

/** What a frame has of its diffuse and specular split. */
export type SplitFields = Pick<
  Frame,
  'diffuse' | 'diffuseVariance' | 'diffuseAlbedo' | 'diffuseAlbedoVariance' | 'specular' | 'specularVariance'
>;

/** The split of a frame, and the albedo of its diffuse light in each half. */
export interface DiffuseSplit {
  readonly fields: SplitFields;
  readonly albedo: RoleSamples | undefined;
}

/**
 * Diffuse irradiance and the rest of the colour, where the file has the split.
 * @param independent whether the noise of two halves is independent.
 */
export function readSplit(reader: RoleReader, color: RoleSamples, independent: boolean): DiffuseSplit {
  const direct = reader.read('diffuseDirect');
  const indirect = reader.read('diffuseIndirect');
  const albedo = reader.read('diffuseColor');
  if (direct === undefined || indirect === undefined || albedo === undefined)
    return { fields: {}, albedo: undefined };
  const halves =
    direct.halves &&
    indirect.halves &&
    ([sum(direct.halves[0], indirect.halves[0]), sum(direct.halves[1], indirect.halves[1])] as const);
  const diffuse = halves === undefined ? sum(direct.mean, indirect.mean) : meanIrradiance(halves, albedo);
  const specular = rest(color.mean, diffuse, albedo.mean);
  const split = { diffuse, diffuseAlbedo: albedo.mean, specular };
  if (!independent || !halves || !albedo.halves || !color.halves) {
    return {
      fields: {
        ...split,
        diffuseVariance: estimateVariance(diffuse),
        diffuseAlbedoVariance: estimateVariance(albedo.mean),
        specularVariance: estimateVariance(specular),
      },
      albedo,
    };
  }
  return {
    fields: {
      ...split,
      diffuseVariance: halfBufferVariance(...halves),
      diffuseAlbedoVariance: halfBufferVariance(...albedo.halves),
      specularVariance: halfBufferVariance(
        rest(color.halves[0], halves[0], albedo.halves[0]),
        rest(color.halves[1], halves[1], albedo.halves[1]),
      ),
    },
    albedo,
  };
}

/**
 * Irradiance that, times the mean albedo of the halves, is the mean of their light: noise that irradiance and albedo share
 * would otherwise be missing from the diffuse light and be in the rest.
 */
export function meanIrradiance(halves: readonly [Raster, Raster], albedo: RoleSamples | undefined): Raster {
  if (albedo?.halves === undefined) return meanOfHalves(...halves);
  const [a, b] = albedo.halves;
  return divided(
    meanOfHalves(product(halves[0], a), product(halves[1], b)),
    albedo.mean,
    meanOfHalves(...halves),
  );
}
