import { expected, QuietframeError } from '../errors.js';
import { finite, type Raster, raster } from '../image/raster.js';
import type { Frame } from './frame.js';

/**
 * What of a frame is denoised: the beauty as a whole; or the parts of beauty = irradiance x albedo + specular, where
 * irradiance is diffuse light without the surface's colour and specular is everything else.
 */
export type Component = 'beauty' | 'irradiance' | 'albedo' | 'specular';

/**
 * A frame whose colour is a component, with the guides of the frame.
 * @throws QuietframeError `missing-layer` where the frame has no split.
 */
export function componentFrame(frame: Frame, component: Component): Frame {
  if (component === 'beauty') return frame;
  const {
    diffuse,
    diffuseVariance,
    diffuseAlbedo,
    diffuseAlbedoVariance,
    specular,
    specularVariance,
    measuredVariance: _,
    ...rest
  } = frame;
  const [color, colorVariance] = {
    irradiance: [diffuse, diffuseVariance],
    albedo: [diffuseAlbedo, diffuseAlbedoVariance],
    specular: [specular, specularVariance],
  }[component];
  if (color === undefined || colorVariance === undefined) {
    throw new QuietframeError(
      'missing-layer',
      expected('a diffuse and specular split', 'the frame', 'none'),
      {
        layer: component,
      },
    );
  }
  const varianceOrigin = frame.varianceOrigin === 'half-buffers' ? 'half-buffers' : 'estimated';
  return { ...rest, color, colorVariance, varianceOrigin };
}

/** irradiance x albedo + specular; without specular, the diffuse light alone. */
export function recombine(irradiance: Raster, albedo: Raster, specular?: Raster): Raster {
  const result = raster(irradiance.width, irradiance.height, irradiance.channels);
  for (let i = 0; i < result.data.length; i++) {
    const diffuse = (irradiance.data[i] as number) * (albedo.data[i] as number);
    result.data[i] = finite(diffuse + ((specular?.data[i] as number | undefined) ?? 0));
  }
  return result;
}

/**
 * Parts of one sum as parts of another: times the quotient of the sums, in every pixel and channel; unchanged where the
 * first sum is 0.
 */
export function rescale(part: Raster, sum: Raster, wanted: Raster): Raster {
  const result = raster(part.width, part.height, part.channels);
  for (let i = 0; i < result.data.length; i++) {
    const quotient = (wanted.data[i] as number) / (sum.data[i] as number);
    const value = part.data[i] as number;
    result.data[i] = Number.isFinite(quotient) ? finite(value * quotient) : value;
  }
  return result;
}
