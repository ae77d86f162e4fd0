import type { DenoiseRequest } from '../types.js';
import type { DenoiseDevice } from './gpu.js';

/** A request with its defaults, after its checks. */
export type WindowRequest = Required<
  Pick<
    DenoiseRequest,
    'lambda' | 'also' | 'errors' | 'neighbors' | 'irradiance' | 'prefilter' | 'auxiliaries'
  >
> &
  Pick<
    DenoiseRequest,
    'key' | 'auxiliaryKey' | 'signal' | 'onProgress' | 'region' | 'encoder' | 'debug' | 'partial'
  >;

/** A device, and the bytes for its tile. */
export interface FrameDevice extends DenoiseDevice {
  readonly bytes: number;
}
