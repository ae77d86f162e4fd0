import type { ExrSource } from '../../exr/source.js';
import type { FullReport } from '../../files/report.js';
import type { FrameWindow } from '../../frame/frame-window.js';

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
   * @param window files, which errors and warnings call by their paths.
   * @returns with a report whose warnings name the files of the window as the window does.
   * @throws QuietframeError what is wrong with the frame, or `cancelled`; `details.frame` is the name of a file of the
   * window where the error is about it.
   * @throws DenoiserLost when it cannot be had any more, whatever the frame.
   */
  denoise(window: FrameWindow<ExrSource>, signal: AbortSignal): Promise<DenoisedFrame>;
}

/** A denoiser is gone; its frames are for the others. */
export class ServiceUnavailable extends Error {
  override readonly name = 'ServiceUnavailable';
}
