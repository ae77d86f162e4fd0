import type { FullReport } from '../../workflow/denoise-exr.js';

/** The bytes that a frame is denoised from. */
export interface FrameFiles {
  /** The frame and those around it, in time order. */
  readonly window: readonly { readonly offset: number; readonly exr: Uint8Array }[];
}

export interface DenoisedFrame {
  readonly exr: Uint8Array;
  readonly report: Pick<FullReport, 'device' | 'model' | 'version' | 'windowUsed' | 'warnings'> &
    Partial<Pick<FullReport, 'motion' | 'components' | 'decoded' | 'features'>>;
}

/** Something that denoises frames: this process, or a service. */
export interface FrameDenoiser {
  /** For reports. */
  readonly name: string;
  /**
   * @throws QuietframeError what is wrong with the frame, or `cancelled`.
   * @throws DenoiserLost when it cannot be had any more, whatever the frame.
   */
  denoise(files: FrameFiles, signal: AbortSignal): Promise<DenoisedFrame>;
}

/** A denoiser is gone; its frames are for the others. */
export class DenoiserLost extends Error {
  override readonly name = 'DenoiserLost';
}
