import { plane } from '../../image/raster.js';
import { interpolateMap, PARAMETERS, type ParameterMap } from '../../pkn/parameter-map.js';

/** One parameter at every pixel. */
export interface ParameterChannel {
  /** `parameters.<filter>.<parameter>`. */
  readonly name: string;
  readonly type: 'float';
  readonly data: Float32Array;
}

/**
 * Parameter maps at the resolution of a picture, between whose pixels they are bilinear.
 * @param factor magnification of the picture whose parameters they are.
 */
export function parameterChannels(
  maps: readonly ParameterMap[],
  width: number,
  height: number,
  factor = 1,
): ParameterChannel[] {
  return maps.flatMap(({ filter, values }) => {
    const large = interpolateMap(values, width, height, factor);
    return Object.keys(PARAMETERS[filter]).map(
      (parameter, c): ParameterChannel => ({
        name: `parameters.${filter}.${parameter}`,
        type: 'float',
        data: plane(large, c),
      }),
    );
  });
}
