import { finite, type Raster, raster } from '../image/raster.js';

/** A surface that is darker than this shows no light: what a renderer divides by it cannot be told. */
const DARKEST_SURFACE = 1e-3;

/**
 * Light of the beauty as a renderer stores it that divides by the surface's colour: times the colour, it is the light
 * again. It is 0 where the surface is darker than 0.001.
 */
export function withoutSurface(light: Raster, surface: Raster): Raster {
  const result = raster(light.width, light.height, light.channels);
  for (let i = 0; i < result.data.length; i++) {
    const color = surface.data[i] as number;
    if (color >= DARKEST_SURFACE) result.data[i] = finite((light.data[i] as number) / color);
  }
  return result;
}
