import type { Raster } from '../../image/raster.js';
import type { ParameterMap } from '../../pkn/parameter-map.js';
import type { PreviewBuffers } from '../../pkn/preview/preview-buffers.js';

/** A frame on its way through the preview, all rasters in shared memory. */
export interface PreviewPicture {
  readonly buffers: PreviewBuffers;
  /** Channels of the layers of light, the colour first. */
  readonly layers: readonly number[];
  readonly map: ParameterMap;
  /** Of the size of the light. */
  readonly target: Raster;
}
