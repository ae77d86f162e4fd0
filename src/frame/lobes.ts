import { finite, type Raster, raster } from '../image/raster.js';
import { areIdentical, clampAlbedo } from './lint.js';

/** Whether an albedo is the colour, as far as an albedo can be: within [0, 1]. */
export function isCopy(albedo: Raster, color: Raster): boolean {
  const limited = { ...color, data: color.data.slice() };
  clampAlbedo(limited);
  return areIdentical(albedo, limited);
}

export function sum(a: Raster, b: Raster): Raster {
  const result = raster(a.width, a.height, a.channels);
  for (let i = 0; i < result.data.length; i++)
    result.data[i] = finite((a.data[i] as number) + (b.data[i] as number));
  return result;
}

export function product(a: Raster, b: Raster): Raster {
  return { ...a, data: a.data.map((value, i) => finite(value * (b.data[i] as number))) };
}

/** a / b; where b is 0, what is given instead. */
export function divided(a: Raster, b: Raster, instead: Raster): Raster {
  return {
    ...a,
    data: a.data.map((value, i) => {
      const quotient = value / (b.data[i] as number);
      return Number.isFinite(quotient) ? finite(quotient) : (instead.data[i] as number);
    }),
  };
}

/** What is left of the beauty without its diffuse light. */
export function rest(beauty: Raster, irradiance: Raster, surface: Raster): Raster {
  const result = raster(beauty.width, beauty.height, beauty.channels);
  for (let i = 0; i < result.data.length; i++) {
    result.data[i] = finite(
      (beauty.data[i] as number) - (irradiance.data[i] as number) * (surface.data[i] as number),
    );
  }
  return result;
}
