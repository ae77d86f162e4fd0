import { type Tensor, TensorMemory } from '../engine/engine.js';
import type { Raster } from '../image/raster.js';
import type { Tile } from '../image/region.js';
import { halved } from './frame-features.js';
import type { Specialization } from './network.js';
import { copyTile } from './temporal-features.js';

/** Tensors of one tile after the other: each takes the place of the last one of its name. */
export class TileMemory extends TensorMemory {
  /** Cells of a raster, as a tensor. */
  cellsOf(name: string, features: Raster, cells: Tile): Tensor {
    const tensor = this.tensor(name, features.channels, cells.height, cells.width);
    copyTile(features, cells, tensor.data);
    return tensor;
  }

  /** The lambda of an area and memory for the features it specializes; nothing where lambda is 1 in the whole area. */
  lambdaOf({ shape }: Tensor, area: Tile, logLambda: Raster | undefined): Specialization {
    if (logLambda === undefined) return undefined;
    const [, channels, height, width] = shape;
    const map = this.tensor('log_lambda', 1, height, width);
    copyTile(logLambda, halved(area), map.data);
    if (map.data.every((value) => value === 0)) return undefined;
    return { logLambda: map, specialized: this.tensor('specialized', channels, height, width) };
  }
}
