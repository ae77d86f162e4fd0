import type { FrameDisplay } from './frame-display.js';
import { showError } from './messages.js';
import { byId, input, rowOf, select } from './page.js';
import { titleOf } from './result-panel.js';
import { SIDES, type Side } from './screen.js';
import type { Picture, State } from './state.js';

/** Errors of the shown pictures against the reference, and the pickers of what is compared. */
export class Comparison {
  /** Errors by picture and reference: they are measured once. */
  readonly #measured = new WeakMap<Picture, WeakMap<Picture, Promise<readonly number[]>>>();

  constructor(
    readonly state: State,
    readonly display: FrameDisplay,
  ) {
    for (const id of ['left', 'right', 'earlier']) {
      select(id).addEventListener('change', () => void display.show());
    }
    input('difference').addEventListener('change', () => display.draw());
    input('reference').addEventListener('change', () => {
      const file = input('reference').files?.[0];
      input('reference').value = '';
      if (file !== undefined) void this.#loadReference(file);
    });
    state.shown.on(() => {
      this.#listSides();
      void this.#showErrors();
    });
  }

  async #loadReference(file: File): Promise<void> {
    const { state, display } = this;
    const { frame, shot } = state;
    if (shot.frames[frame] === undefined) return showError(new Error('Open a frame before its reference'));
    try {
      const source = await display.pictures.source(file);
      const { width, height } = await display.pictures.read(source, '', false);
      const { size } = state;
      if (width !== size.width || height !== size.height) {
        throw new Error(
          `${file.name} is ${width} x ${height} pixels, but the frame is ${size.width} x ${size.height}`,
        );
      }
      state.references.set(frame, file);
      await display.show();
    } catch (error) {
      showError(error);
    }
  }

  /** Disables the sides that there are not, and lists the earlier results. */
  #listSides(): void {
    const { state } = this;
    const results = state.results.get(state.frame) ?? [];
    for (const option of [...select('left').options, ...select('right').options]) {
      const side = SIDES.find((name) => name === option.value);
      option.disabled = side === undefined || !isThere(state, side);
    }
    const picker = select('earlier');
    const chosen = picker.value;
    picker.replaceChildren(
      ...results.slice(1).map((result, i) => new Option(titleOf(result), String(i + 1))),
    );
    picker.value = chosen;
    if (picker.selectedIndex < 0) picker.selectedIndex = 0;
    byId('earlier-row').hidden = results.length < 2;
    const reference = state.references.get(state.frame);
    byId('reference-name').textContent = reference?.name ?? '';
  }

  /** SMAPE, relative mean squared error and DSSIM of each side against the reference. */
  async #showErrors(): Promise<void> {
    const { pictures, mode, turn } = this.state;
    const { reference } = pictures;
    byId('errors').hidden = reference === undefined || mode !== 'light';
    if (reference === undefined || mode !== 'light') return;
    const sides = (['noisy', 'denoised', 'earlier'] as const).filter(
      (side) => isThere(this.state, side) && pictures[side] !== undefined,
    );
    try {
      const rows = await Promise.all(
        sides.map(
          async (side) => [side, await this.#measure(pictures[side] ?? reference, reference)] as const,
        ),
      );
      if (turn !== this.state.turn) return;
      byId('error-rows').replaceChildren(
        ...rows.map(([side, errors]) => rowOf(side, ...errors.map((error) => error.toFixed(4)))),
      );
    } catch (error) {
      showError(error);
    }
  }

  #measure(picture: Picture, reference: Picture): Promise<readonly number[]> {
    const known = this.#measured.get(picture) ?? new WeakMap<Picture, Promise<readonly number[]>>();
    this.#measured.set(picture, known);
    const errors = known.get(reference) ?? this.display.pictures.decoder.errors(picture, reference);
    known.set(reference, errors);
    return errors;
  }
}

function isThere({ pictures, result }: State, side: Side): boolean {
  return side === 'denoised' ? result !== undefined : pictures[side] !== undefined;
}
