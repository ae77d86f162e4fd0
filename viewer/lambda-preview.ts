import type { FrameDisplay } from './frame-display.js';
import { explain } from './messages.js';
import { byId, select } from './page.js';
import type { Service } from './service.js';
import type { State } from './state.js';
import { visibleRegion } from './view-transform.js';
import { requestedWindow } from './windows.js';

/** Time without a change after which the visible region is requested. */
const SETTLE_MS = 120;

/** Shows the visible region with the lambda of the slider, where the result has another one. */
export class LambdaPreview {
  #request: AbortController | undefined;
  #timer: number | undefined;

  constructor(
    readonly state: State,
    readonly display: FrameDisplay,
    readonly service: Service,
  ) {
    state.turning.on(() => this.#request?.abort());
    state.shown.on(() => this.update());
  }

  /** Requests the visible region once nothing has changed for a while. */
  update(): void {
    clearTimeout(this.#timer);
    this.#timer = window.setTimeout(() => void this.#render(), SETTLE_MS);
  }

  async #render(): Promise<void> {
    const { result, lambda, turn, isWorking, mode, view, size, room } = this.state;
    if (result === undefined || isWorking || mode !== 'light') return;
    if (select('layer').value !== '' || lambda === result.lambda) return;
    const region = visibleRegion(view, size, room);
    if (region === undefined) return;
    this.#request?.abort();
    const request = new AbortController();
    this.#request = request;
    try {
      const { pictures } = this.display;
      const { window, contents } = await requestedWindow(this.state.frame, this.state, pictures);
      const { x, y, width, height } = region;
      const model = select('model').value;
      const body = {
        ...window,
        lambda,
        region: `${x},${y},${width},${height}`,
        ...(model && { model }),
        // As the result, whatever is chosen now: its visible part is replaced.
        wrap: result.report.wrap,
      };
      const start = performance.now();
      byId('lambda-note').textContent = `${width} x ${height} pixels with lambda ${lambda}...`;
      const { file } = await this.service.denoise(body, contents, request.signal);
      const { data } = await pictures.channels(file, 0, ['R', 'G', 'B']);
      if (request.signal.aborted || turn !== this.state.turn) return;
      this.state.part = { x, y, width, height, data };
      this.display.screen.patch('denoised', x, y, width, height, data);
      byId('right-name').textContent = `lambda ${lambda}, visible part`;
      byId('lambda-note').textContent =
        `${width} x ${height} pixels in ${Math.round(performance.now() - start)} ms. Denoise does the whole frame.`;
      this.display.draw();
    } catch (error) {
      if (request.signal.aborted) return;
      byId('lambda-note').textContent = explain(error);
    }
  }
}
