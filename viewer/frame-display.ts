import { raster } from '../src/image/raster.js';
import { displayExposure } from '../src/image/tonemap.js';
import { type Range, usualRange } from './false-color.js';
import { type Layer, layersOf } from './layers.js';
import { setStatus } from './messages.js';
import { byId, input, select, shortNumber } from './page.js';
import { layerOf, type Pictures } from './pictures.js';
import { listChannels, showReport } from './result-panel.js';
import type { Screen, Slot } from './screen.js';
import { FLICKER, MAPS, type Picture, type Result, type Source, type State } from './state.js';

/** Difference of displayed brightness that gets the last color. */
const FLICKER_RANGE: Range = { low: 0, high: 0.2 };
const BLINK_MS = 400;

/** Shows the chosen layer of the chosen frame, noisy and denoised. */
export class FrameDisplay {
  #blink: number | undefined;
  /** The side that a blink shows. */
  #isNoisyShown = true;
  readonly #lambdaNote = byId('lambda-note').textContent;

  constructor(
    readonly state: State,
    readonly pictures: Pictures,
    readonly screen: Screen,
  ) {}

  /** Reads and shows the chosen layer of the chosen frame. */
  async show(): Promise<void> {
    const { state } = this;
    const turn = ++state.turn;
    state.turning.emit();
    const file = state.shot.frames[state.frame];
    if (file === undefined) return;
    try {
      const source = await this.pictures.source(file);
      const { result } = state;
      if (turn !== state.turn) return;
      this.#listLayers(source, result);
      listChannels(source, result);
      const wanted = select('layer').value;
      const noisy = await this.pictures.read(source, wanted, false);
      const denoised = result === undefined ? noisy : await this.pictures.read(result.source, wanted, true);
      const pictures: Partial<Record<Slot, Picture>> = { noisy, denoised };
      if (wanted === FLICKER) Object.assign(pictures, await this.#previous(noisy, denoised));
      if (turn !== state.turn) return;
      // Maps are in the denoised file alone.
      if (layerOf(source, wanted, false) === undefined) pictures.noisy = denoised;
      state.pictures = pictures;
      state.part = undefined;
      for (const [slot, { width, height, data }] of Object.entries(pictures)) {
        this.screen.set(slot as Slot, width, height, data);
      }
      const layer = layerOf(result?.source ?? source, wanted, true) ?? state.layers[0];
      state.mode = wanted === FLICKER ? 'flicker' : (layer?.kind ?? 'light');
      state.range = state.mode === 'value' ? usualRange(denoised.data, 4) : FLICKER_RANGE;
      this.#describe(result);
      this.draw();
      state.shown.emit();
    } catch (error) {
      if (turn === state.turn) setStatus(error);
    }
  }

  /** The previous frame, for flicker; the frame itself where it is the first. */
  async #previous(noisy: Picture, denoised: Picture): Promise<Partial<Record<Slot, Picture>>> {
    const { shot, frame, results } = this.state;
    const file = shot.frames[frame - 1];
    if (file === undefined) return { noisyBefore: noisy, denoisedBefore: denoised };
    const result = results.get(frame - 1);
    const noisyBefore = await this.pictures.read(await this.pictures.source(file), '', false);
    // A denoised frame is compared with a denoised one alone.
    const both = result !== undefined && results.has(frame);
    const denoisedBefore = both ? await this.pictures.read(result.source, '', true) : denoised;
    return { noisyBefore, denoisedBefore };
  }

  #listLayers(source: Source, result: Result | undefined): void {
    const layers = layersOf(result?.source.parts ?? source.parts);
    this.state.layers = layers;
    const picker = select('layer');
    const chosen = picker.value;
    const option = ({ label }: Layer): HTMLOptionElement => new Option(label, label);
    const maps = layers.filter(({ label }) => MAPS.test(label));
    const group = (label: string, options: readonly HTMLOptionElement[]): HTMLOptGroupElement => {
      const element = document.createElement('optgroup');
      element.label = label;
      element.append(...options);
      return element;
    };
    picker.replaceChildren(
      new Option('Beauty', ''),
      ...(this.state.shot.frames.length > 1 ? [new Option('Flicker', FLICKER)] : []),
      ...(maps.length > 0 ? [group('Maps', maps.map(option))] : []),
      group('Layers of the file', layers.filter((layer) => !maps.includes(layer)).map(option)),
    );
    picker.value = chosen;
    if (picker.selectedIndex < 0) picker.value = '';
  }

  #describe(result: Result | undefined): void {
    const { shot, frame, results } = this.state;
    const layer = select('layer').value;
    const isMap = MAPS.test(layer);
    const name = shot.frames[frame]?.name ?? '';
    byId('frame-name').textContent = `${name} (${frame + 1} of ${shot.frames.length})`;
    byId('left-name').textContent = isMap ? 'predicted' : 'noisy';
    byId('right-name').textContent = isMap
      ? 'predicted'
      : result === undefined
        ? 'not denoised yet'
        : 'denoised';
    const isFlicker = layer === FLICKER;
    if (isFlicker && frame === 0) byId('right-name').textContent = 'no frame before this one';
    else if (isFlicker && result !== undefined && !results.has(frame - 1)) {
      byId('right-name').textContent = 'the frame before is not denoised yet';
    }
    // A layer of one file alone is the same on both sides.
    this.state.isCompared = isFlicker
      ? frame > 0 && result !== undefined && results.has(frame - 1)
      : result !== undefined && !isMap;
    byId('readout').textContent = '';
    byId('lambda-note').textContent = this.#lambdaNote;
    showReport(result);
  }

  draw(): void {
    const { state } = this;
    const { view, mode, range, exposure, curve, isCompared } = state;
    const blinking = this.#blink !== undefined;
    // The noisy side alone, where there is nothing to compare it with.
    const split = blinking ? Number(this.#isNoisyShown) : mode === 'flicker' && !isCompared ? 1 : state.split;
    const isOpen = state.pictures.noisy !== undefined;
    this.screen.draw({ view, split, mode, exposure, curve, range });
    const handle = byId('split');
    handle.style.left = `${split * state.room.width}px`;
    handle.setAttribute('aria-valuenow', String(Math.round(100 * split)));
    handle.hidden = !isOpen || blinking || !isCompared;
    byId('left-name').hidden = !isOpen || split === 0;
    byId('right-name').hidden =
      !isOpen || (blinking && split === 1) || byId('right-name').textContent === 'predicted';
    byId('exposure-value').textContent = exposure.toFixed(1);
    byId('lambda-value').textContent = state.lambda.toFixed(1);
    byId('legend').hidden = mode !== 'value' && mode !== 'flicker';
    byId('legend-low').textContent = shortNumber(range.low);
    byId('legend-high').textContent = shortNumber(range.high);
    byId('legend-name').textContent =
      mode === 'flicker' ? 'change of brightness' : (select('layer').selectedOptions[0]?.textContent ?? '');
  }

  /** Sets the exposure that brings the mean of the noisy picture to middle gray. */
  autoExposure(): void {
    const { noisy } = this.state.pictures;
    if (noisy === undefined || this.state.mode !== 'light') return;
    const { width, height, data } = noisy;
    const planes = raster(width, height, 3);
    for (let i = 0; i < width * height; i++) {
      for (let c = 0; c < 3; c++) planes.data[c * width * height + i] = data[4 * i + c] as number;
    }
    input('exposure').value = Math.log2(displayExposure(planes)).toFixed(1);
    this.draw();
  }

  toggleBlink(): void {
    if (this.#blink !== undefined) {
      clearInterval(this.#blink);
      this.#blink = undefined;
    } else {
      this.#blink = window.setInterval(() => {
        this.#isNoisyShown = !this.#isNoisyShown;
        this.draw();
      }, BLINK_MS);
    }
    byId('blink').setAttribute('aria-pressed', String(this.#blink !== undefined));
    this.draw();
  }
}
