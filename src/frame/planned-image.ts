import { boxHeight, boxWidth, type Image } from '../image/image.js';
import { type Raster, raster } from '../image/raster.js';
import type { LayerPlan, PlannedLayer } from './layers/resolve-layers.js';

/** An image and what its channels are. */
export interface PlannedImage {
  /** With the planes of `channelsToRead`; roles whose planes are not there are left out. */
  readonly image: Image;
  readonly plan: LayerPlan;
  /** The components are denoised on their own: layers of irradiance stay without the surface's colour. */
  readonly withSplit?: boolean;
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
