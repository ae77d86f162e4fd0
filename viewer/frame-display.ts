import { displayExposure } from '../src/image/tonemap.js';
import { type Range, usualRange } from './false-color.js';
import { drawHistogram } from './histogram.js';
import { isSplit, nameFrame, showLabels } from './labels.js';
import { listLayers } from './layer-list.js';
import { showError } from './messages.js';
import { byId, input, select } from './page.js';
import { readPictureSet } from './picture-set.js';
import { layerOf, type Pictures } from './pictures.js';
import { isSamePicture, rasterOf } from './pixels.js';
import { listChannels, showReport } from './result-panel.js';
import { type Look, type Screen, SLOTS } from './screen.js';
import { FLICKER, MAPS, type Picture, type State } from './state.js';

/** Difference of displayed brightness, or of relative values, that gets the last color. */
const CHANGE_RANGE: Range = { low: 0, high: 0.2 };
const BLINK_MS = 400;

/** Shows the chosen layer of the chosen frame. */
export class FrameDisplay {
  #blink: number | undefined;
  /** The side that a blink shows. */
  #isLeftShown = true;
  #shownExposure: string | undefined;
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
      if (turn !== state.turn) return;
      const { result } = state;
      listLayers(state, source);
      listChannels(source, result);
      const label = select('layer').value;
      const pictures = await readPictureSet(state, this.pictures, source, label);
      if (turn !== state.turn) return;
      state.pictures = pictures;
      state.part = undefined;
      for (const slot of SLOTS) {
        const picture = pictures[slot];
        if (picture !== undefined) this.screen.set(slot, picture.width, picture.height, picture.data);
      }
      const layer = layerOf(result?.source ?? source, label, true) ?? state.layers[0];
      state.mode = label === FLICKER ? 'flicker' : (layer?.kind ?? 'light');
      state.range = rangeOf(state.mode, pictures.denoised);
      state.isCompared = this.#differ();
      nameFrame(state, source);
      byId('readout').hidden = true;
      byId('lambda-note').textContent = this.#lambdaNote;
      showReport(state);
      this.#shownExposure = undefined;
      this.draw();
      state.shown.emit();
    } catch (error) {
      if (turn === state.turn) showError(error);
    }
  }

  /** Whether the two sides of the split differ anywhere. */
  #differ(): boolean {
    const { state } = this;
    const { frame, results, mode, pictures } = state;
    if (mode === 'flicker') return frame > 0 && results.has(frame) && results.has(frame - 1);
    if (MAPS.test(select('layer').value)) return false;
    const [left, right] = [pictures[state.side('left')], pictures[state.side('right')]];
    return left !== undefined && right !== undefined && !isSamePicture(left, right);
  }

  /** What the screen shows now. */
  look(): Look {
    const { state } = this;
    const { view, exposure, curve, part, lambda, held, frame } = state;
    const isFlicker = state.mode === 'flicker';
    const [left, right] = isFlicker
      ? (['noisy', 'denoised'] as const)
      : [state.side('left'), state.side('right')];
    const isComparable = state.mode === 'light' || state.mode === 'direction';
    const isDifference = isComparable && (held === 'difference' || input('difference').checked);
    const shown = held === undefined || held === 'difference' || isFlicker ? undefined : held;
    const blinked = this.#blink === undefined ? undefined : Number(this.#isLeftShown);
    // The left side alone, where there is nothing to compare it with.
    const alone = isSplit(state, { left, right }) ? state.split : isFlicker ? 1 : state.split;
    const isApproximate = state.isApproximate;
    return {
      view,
      exposure,
      curve,
      part,
      left: shown ?? left,
      right: shown ?? right,
      split: isDifference || shown !== undefined ? 0 : (blinked ?? alone),
      mode: isDifference && shown === undefined ? 'difference' : state.mode,
      range: isDifference ? CHANGE_RANGE : state.range,
      keptNoise: isApproximate ? state.noiseShare(lambda) : 0,
      isPainted: isApproximate && state.strokes.has(frame),
      isPaintShown: state.strokes.has(frame) && input('brush').checked,
    };
  }

  draw(): void {
    const { state } = this;
    const look = this.look();
    this.screen.draw(look);
    showLabels(state, look, this.#blink !== undefined);
    const { noisy, denoised } = state.pictures;
    byId('histogram').hidden = noisy === undefined || state.mode !== 'light';
    const exposure = String(look.exposure);
    if (noisy === undefined || exposure === this.#shownExposure) return;
    this.#shownExposure = exposure;
    drawHistogram(denoised === noisy ? [noisy] : [noisy, denoised ?? noisy], look.exposure);
  }

  /** Sets the exposure that brings the mean of the noisy picture to middle gray. */
  autoExposure(): void {
    const { noisy } = this.state.pictures;
    if (noisy === undefined || this.state.mode !== 'light') return;
    input('exposure').value = Math.log2(displayExposure(rasterOf(noisy))).toFixed(1);
    this.draw();
  }

  toggleBlink(): void {
    if (this.#blink !== undefined) {
      clearInterval(this.#blink);
      this.#blink = undefined;
    } else {
      this.#blink = window.setInterval(() => {
        this.#isLeftShown = !this.#isLeftShown;
        this.draw();
      }, BLINK_MS);
    }
    byId('blink').setAttribute('aria-pressed', String(this.#blink !== undefined));
    this.draw();
  }
}

function rangeOf(mode: Look['mode'], picture: Picture | undefined): Range {
  if (picture === undefined) return { low: 0, high: 1 };
  if (mode === 'value') return usualRange(picture.data, 4);
  if (mode !== 'motion') return CHANGE_RANGE;
  const lengths = new Float32Array(picture.width * picture.height);
  for (let i = 0; i < lengths.length; i++) {
    lengths[i] = Math.hypot(picture.data[4 * i] as number, picture.data[4 * i + 1] as number);
  }
  // A still picture has no longest vector.
  return { low: 0, high: Math.max(1, usualRange(lengths).high) };
}
