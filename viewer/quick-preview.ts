import type { FrameDisplay } from './frame-display.js';
import { select } from './page.js';
import type { Service } from './service.js';
import type { Part, State } from './state.js';

/** The model of previews: a procedural filter of small kernels, several times as fast as the networks that predict kernels. */
const PREVIEW_MODEL = /^pkn@/;

/**
 * Shows a quick preview in the place of a frame that is denoised for the first time, until its result is there. Requests
 * for one frame come before jobs in the queue of the service.
 */
export class QuickPreview {
  #part: Part | undefined;

  constructor(
    readonly state: State,
    readonly display: FrameDisplay,
    readonly service: Service,
  ) {}

  /** Requests and shows it, unless the service has no model for it, or the result or another frame comes first. */
  async show(frame: number, signal: AbortSignal): Promise<void> {
    const { state, display } = this;
    const model = previewModel();
    const file = state.shot.frames[frame];
    if (model === undefined || file === undefined || state.results.has(frame)) return;
    const source = await display.pictures.source(file);
    const wrap = select('wrap').value;
    const body = { frames: [source.digest], model, ...(wrap !== '' && { wrap }) };
    const answer = await this.service.denoise(body, [source], signal);
    const preview = await display.pictures.open(answer.file, 'The preview');
    const picture = await display.pictures.read(preview, '', true);
    const isShown = state.frame === frame && state.mode === 'light' && select('layer').value === '';
    if (signal.aborted || !isShown || !state.isWorking || state.results.has(frame)) return;
    this.#part = { ...picture, x: 0, y: 0, label: 'quick preview, denoising ...' };
    state.part = this.#part;
    display.screen.set('part', picture.width, picture.height, picture.data);
    display.draw();
  }

  /** Removes it where it still shows. */
  end(): void {
    const { state, display } = this;
    if (this.#part !== undefined && state.part === this.#part) {
      state.part = undefined;
      display.draw();
    }
    this.#part = undefined;
  }
}

/** Undefined where the service has none, or where the chosen model is as fast. */
function previewModel(): string | undefined {
  const { value, options } = select('model');
  if (PREVIEW_MODEL.test(value)) return undefined;
  return [...options].map((option) => option.value).findLast((name) => PREVIEW_MODEL.test(name));
}
