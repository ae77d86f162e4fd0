import type { FullReport } from '../../files/denoise-file/types.js';

/** A file of a window. */
export interface WindowFile {
  readonly offset: number;
  /** What errors and warnings call it: its path. */
  readonly name: string;
  readonly exr: Uint8Array;
}

/** The bytes that a frame is denoised from. */
export interface FrameFiles {
  /** The frame and those around it, in time order. */
  readonly window: readonly WindowFile[];
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
   * @returns with a report whose warnings name the files of the window as the window does.
   * @throws QuietframeError what is wrong with the frame, or `cancelled`; `details.frame` is the name of a file of the
   * window where the error is about it.
   * @throws DenoiserLost when it cannot be had any more, whatever the frame.
   */
  denoise(files: FrameFiles, signal: AbortSignal): Promise<DenoisedFrame>;
}

/** A denoiser is gone; its frames are for the others. */
export class DenoiserLost extends Error {
  override readonly name = 'DenoiserLost';
}
