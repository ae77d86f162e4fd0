import { colorTable } from './false-color.js';
import type { FrameDisplay } from './frame-display.js';
import type { Jobs } from './jobs.js';
import type { LambdaPreview } from './lambda-preview.js';
import { showError } from './messages.js';
import { button, byId, input, select } from './page.js';
import type { Playback } from './playback.js';
import type { ResultSaver } from './save-result.js';
import type { Stage } from './stage.js';
import type { State } from './state.js';

export interface Parts {
  readonly state: State;
  readonly display: FrameDisplay;
  readonly jobs: Jobs;
  readonly preview: LambdaPreview;
  readonly playback: Playback;
  readonly stage: Stage;
  readonly saver: ResultSaver;
  /** Called with a token that was entered. */
  readonly signIn: (token: string) => void;
}

/** Connects buttons, sliders and pickers. */
export function connectControls(parts: Parts): void {
  const { state, display, jobs, preview, playback, stage, saver, signIn } = parts;
  drawLegends();
  const click = (id: string, act: () => unknown): void =>
    button(id).addEventListener('click', () => {
      Promise.resolve(act()).catch(showError);
    });
  click('denoise', () => jobs.denoise([state.frame]));
  click('denoise-all', () => jobs.denoise([...state.shot.frames.keys()]));
  click('cancel', () => jobs.cancel());
  click('auto', () => display.autoExposure());
  click('fit', () => stage.fit());
  click('actual', () => stage.actualSize());
  click('nearer', () => stage.zoom(2));
  click('farther', () => stage.zoom(1 / 2));
  click('blink', () => display.toggleBlink());
  click('play', () => playback.toggle());
  for (const format of ['exr', 'png'] as const) {
    click(`save-${format}`, async () => {
      // What is saved is what is shown: a preview is of the visible part alone.
      if (state.result !== undefined && !state.isFinal(state.result)) await jobs.denoise([state.frame]);
      await saver.save(format);
    });
    click(`save-all-${format}`, () => saver.saveAll(format));
  }
  click('help', () => byId<HTMLDialogElement>('keys').showModal());
  input('exposure').addEventListener('input', () => display.draw());
  select('curve').addEventListener('change', () => display.draw());
  select('layer').addEventListener('change', () => void display.show());
  input('frame').addEventListener('input', () => playback.choose(Number(input('frame').value)));
  input('keep').addEventListener('input', () => preview.lambdaChanged());
  select('theme').addEventListener('change', () => {
    document.documentElement.dataset.theme = select('theme').value;
  });
  for (const id of ['brush', 'inside']) {
    // Their settings and results are in a group that can be closed.
    const group = byId(id).closest('details');
    input(id).addEventListener('change', () => {
      if (group !== null && input(id).checked) group.open = true;
    });
  }
  input('token').addEventListener('change', () => signIn(input('token').value));
}

/** The ramp of false color, and the wheel of directions as the shader draws them. */
function drawLegends(): void {
  byId<HTMLCanvasElement>('legend-colors')
    .getContext('2d')
    ?.putImageData(new ImageData(new Uint8ClampedArray(colorTable()), 256, 1), 0, 0);
  const wheel = byId<HTMLCanvasElement>('legend-wheel').getContext('2d');
  if (wheel === null) return;
  const { width } = wheel.canvas;
  const [middle, radius] = [width / 2, width / 2 - 1];
  const colors = wheel.createConicGradient(0, middle, middle);
  // Angles of a canvas go clockwise, hues the other way.
  for (let hue = 0; hue <= 360; hue += 30) colors.addColorStop(hue / 360, `hsl(${360 - hue} 100% 50%)`);
  const reach = wheel.createRadialGradient(middle, middle, 0, middle, middle, radius);
  reach.addColorStop(0, 'rgb(31 31 31)');
  reach.addColorStop(1, 'rgb(31 31 31 / 0)');
  for (const fill of [colors, reach]) {
    wheel.fillStyle = fill;
    wheel.beginPath();
    wheel.arc(middle, middle, radius, 0, 2 * Math.PI);
    wheel.fill();
  }
}
