import type { FrameDisplay } from './frame-display.js';
import { explain, showError } from './messages.js';
import { byId, select } from './page.js';
import type { Service } from './service.js';
import type { Part, Picture, State } from './state.js';
import { contains, type Point, type Size, visibleRegion } from './view-transform.js';
import { requestedWindow } from './windows.js';

/** Time without a change after which the visible region is requested. */
const SETTLE_MS = 120;

/**
 * Shows another lambda than the result's: first a blend of noisy and denoised, then what the service computes for the
 * visible region. A region that no longer covers what is visible goes, so that one picture never has several lambdas.
 */
export class LambdaPreview {
  #request: AbortController | undefined;
  #timer: number | undefined;

  constructor(
    readonly state: State,
    readonly display: FrameDisplay,
    readonly service: Service,
  ) {
    state.turning.on(() => this.#request?.abort());
    state.shown.on(() => this.viewChanged());
  }

  /** Blends until the service has computed the new lambda. */
  lambdaChanged(): void {
    this.#request?.abort();
    this.state.part = undefined;
    this.display.draw();
    this.#schedule();
  }

  /** Keeps a computed region as long as it covers what is visible. */
  viewChanged(): void {
    const { part, result, view, size, room } = this.state;
    const visible = visibleRegion(view, size, room);
    const isPreview = part !== undefined && result !== undefined && !this.state.isFinal(result);
    if (isPreview && visible !== undefined && !contains(part, visible)) {
      this.state.part = undefined;
      this.display.draw();
    }
    this.#schedule();
  }

  /** Denoises a region alone with the settings of the page. */
  async denoiseRegion(region: Point & Size): Promise<void> {
    const { lambda } = this.state;
    const label = `denoised region, ${region.width} x ${region.height}`;
    await this.#compute(region, lambda, label).catch(showError);
  }

  #schedule(): void {
    clearTimeout(this.#timer);
    this.#timer = window.setTimeout(() => void this.#render(), SETTLE_MS);
  }

  async #render(): Promise<void> {
    const { state } = this;
    const { lambda, view, size, room, result } = state;
    if (!state.isApproximate || state.isWorking || state.strokes.has(state.frame)) return;
    const region = visibleRegion(view, size, room);
    if (region === undefined || result === undefined) return;
    byId('lambda-note').textContent = `${region.width} x ${region.height} pixels with lambda ${lambda}...`;
    const start = performance.now();
    try {
      const part = await this.#compute(region, lambda, `lambda ${lambda}, visible part`);
      if (part === undefined) return;
      this.#measureNoise(part, lambda / result.lambda);
      byId('lambda-note').textContent =
        `${region.width} x ${region.height} pixels in ${Math.round(performance.now() - start)} ms. Denoise does the whole frame.`;
    } catch (error) {
      byId('lambda-note').textContent = explain(error).filter(Boolean).join(': ');
    }
  }

  /** The denoised region, shown; undefined where another request or frame came first. */
  async #compute(region: Point & Size, lambda: number, label: string): Promise<Part | undefined> {
    this.#request?.abort();
    const request = new AbortController();
    this.#request = request;
    const { state, display } = this;
    const { frame, turn, result } = state;
    // As the result, whatever is chosen now: a part of it is replaced.
    const wrap = result?.report.wrap ?? select('wrap').value;
    const { x, y, width, height } = region;
    try {
      const { window, contents } = await requestedWindow(frame, state, display.pictures, lambda);
      const model = select('model').value;
      const body = {
        lambda,
        ...window,
        region: `${x},${y},${width},${height}`,
        ...(model && { model }),
        ...(wrap && { wrap }),
      };
      const { file } = await this.service.denoise(body, contents, request.signal);
      const source = await display.pictures.open(file, 'The result');
      const { data } = await display.pictures.read(source, '', true);
      if (request.signal.aborted || turn !== state.turn) return undefined;
      const part = { x, y, width, height, data, label };
      state.part = part;
      display.screen.set('part', width, height, data);
      display.draw();
      return part;
    } catch (error) {
      if (request.signal.aborted) return undefined;
      throw error;
    }
  }

  /** Fits the share of noise in a computed region, for the next blend. */
  #measureNoise(part: Part, ratio: number): void {
    const { noisy, denoised } = this.state.pictures;
    if (noisy === undefined || denoised === undefined || ratio <= 1) return;
    const share = noiseShareOf(part, noisy, denoised);
    this.state.noisePerDecade = Math.min(1, Math.max(0.05, share / Math.log10(ratio)));
  }
}

/** The least-squares share of the noisy picture in a region, against the denoised picture. */
export function noiseShareOf(part: Picture & Point, noisy: Picture, denoised: Picture): number {
  let [along, square] = [0, 0];
  for (let y = 0; y < part.height; y++) {
    for (let x = 0; x < part.width; x++) {
      const at = 4 * ((y + part.y) * noisy.width + x + part.x);
      for (let c = 0; c < 3; c++) {
        const base = denoised.data[at + c] as number;
        const noise = (noisy.data[at + c] as number) - base;
        const change = (part.data[4 * (y * part.width + x) + c] as number) - base;
        if (!Number.isFinite(noise * change)) continue;
        // Relative, so that a few bright pixels do not decide alone.
        const weight = 1 / (base * base + noise * noise + 1e-4);
        along += weight * change * noise;
        square += weight * noise * noise;
      }
    }
  }
  return square === 0 ? 0 : along / square;
}
