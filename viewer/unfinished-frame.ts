import type { FrameDisplay } from './frame-display.js';
import { select } from './page.js';
import type { FrameStatus, Service } from './service.js';
import type { Part, Picture, State } from './state.js';

/** The model of previews: a procedural filter of small kernels, several times as fast as the networks that predict kernels. */
const PREVIEW_MODEL = /^pkn@/;

/**
 * Shows a frame that is denoised for the first time until its result is there: a quick preview, and over it the tiles that are
 * done. Requests for one frame come before jobs in the queue of the service.
 */
export class UnfinishedFrame {
  #preview: Picture | undefined;
  /** Opaque where it is denoised. */
  #tiles: Picture | undefined;
  #part: Part | undefined;
  #isAsking = false;

  constructor(
    readonly state: State,
    readonly display: FrameDisplay,
    readonly service: Service,
  ) {}

  /** Requests and shows the preview, unless the service has no model for it, or the result or another frame comes first. */
  async preview(frame: number, signal: AbortSignal): Promise<void> {
    const { state, display } = this;
    const model = previewModel();
    const file = state.shot.frames[frame];
    if (model === undefined || file === undefined || state.results.has(frame)) return;
    const source = await display.pictures.source(file);
    const wrap = select('wrap').value;
    const body = { frames: [source.digest], model, ...(wrap !== '' && { wrap }) };
    const answer = await this.service.denoise(body, [source], signal);
    const preview = await this.#read(answer.file);
    if (!this.#isWanted(frame, signal)) return;
    this.#preview = preview;
    this.#show();
  }

  /** Fetches and shows the tiles that are done, one request at a time. */
  async showTiles(frame: number, { partial }: FrameStatus, signal: AbortSignal): Promise<void> {
    if (partial === undefined || this.#isAsking || !this.#isWanted(frame, signal)) return;
    this.#isAsking = true;
    try {
      const tiles = await this.#read(await this.service.partial(partial, signal));
      if (!this.#isWanted(frame, signal)) return;
      this.#tiles = tiles;
      this.#show();
    } finally {
      this.#isAsking = false;
    }
  }

  /** Removes it where it still shows. */
  end(): void {
    const { state, display } = this;
    if (this.#part !== undefined && state.part === this.#part) {
      state.part = undefined;
      display.draw();
    }
    this.#part = undefined;
    this.#preview = undefined;
    this.#tiles = undefined;
  }

  async #read(file: Blob): Promise<Picture> {
    const { pictures } = this.display;
    return pictures.read(await pictures.open(file, 'The preview'), '', true);
  }

  #isWanted(frame: number, signal: AbortSignal): boolean {
    const { state } = this;
    const isShown = state.frame === frame && state.mode === 'light' && select('layer').value === '';
    return isShown && !signal.aborted && state.isWorking && !state.results.has(frame);
  }

  #show(): void {
    const { state, display } = this;
    const [preview, tiles] = [this.#preview, this.#tiles];
    const picture = tiles === undefined ? preview : preview === undefined ? tiles : over(tiles, preview);
    if (picture === undefined) return;
    const done = tiles === undefined ? 0 : opaqueShare(tiles);
    const label =
      done > 0 ? `denoising, ${Math.floor(100 * done)} % of the picture` : 'quick preview, denoising ...';
    this.#part = { ...picture, x: 0, y: 0, label };
    state.part = this.#part;
    display.screen.set('part', picture.width, picture.height, picture.data);
    display.draw();
  }
}

/** Undefined where the service has none, or where the chosen model is as fast. */
function previewModel(): string | undefined {
  const { value, options } = select('model');
  if (PREVIEW_MODEL.test(value)) return undefined;
  return [...options].map((option) => option.value).findLast((name) => PREVIEW_MODEL.test(name));
}

/** One picture where it is opaque, and another of its size elsewhere. */
function over(one: Picture, other: Picture): Picture {
  if (one.data.length !== other.data.length) return one;
  const data = other.data.slice();
  for (let i = 0; i < data.length; i += 4) {
    if (one.data[i + 3] === 1) data.set(one.data.subarray(i, i + 4), i);
  }
  return { ...other, data };
}

function opaqueShare({ data }: Picture): number {
  let count = 0;
  for (let i = 3; i < data.length; i += 4) if (data[i] === 1) count++;
  return count / (data.length / 4);
}
