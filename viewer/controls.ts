import { colorTable } from './false-color.js';
import type { FrameDisplay } from './frame-display.js';
import type { Jobs } from './jobs.js';
import type { LambdaPreview } from './lambda-preview.js';
import { button, byId, input, select } from './page.js';
import type { Playback } from './playback.js';
import { saveExr, savePng } from './save-result.js';
import type { Stage } from './stage.js';
import type { State } from './state.js';
import { moveSplit } from './view-transform.js';

export interface Parts {
  readonly state: State;
  readonly display: FrameDisplay;
  readonly jobs: Jobs;
  readonly preview: LambdaPreview;
  readonly playback: Playback;
  readonly stage: Stage;
  /** Called with a token that was entered. */
  readonly signIn: (token: string) => void;
}

/** Connects buttons, sliders and pickers. */
export function connectControls({ state, display, jobs, preview, playback, stage, signIn }: Parts): void {
  byId<HTMLCanvasElement>('legend-colors')
    .getContext('2d')
    ?.putImageData(new ImageData(new Uint8ClampedArray(colorTable()), 256, 1), 0, 0);
  const click = (id: string, act: () => void): void => button(id).addEventListener('click', act);
  click('denoise', () => void jobs.denoise([state.frame]));
  click('denoise-all', () => void jobs.denoise([...state.shot.frames.keys()]));
  click('cancel', () => jobs.cancel());
  click('auto', () => display.autoExposure());
  click('fit', () => stage.fit());
  click('actual', () => stage.actualSize());
  click('blink', () => display.toggleBlink());
  click('play', () => void playback.toggle());
  click('save-exr', () => saveExr(state));
  click('save-png', () => void savePng(state, display.pictures));
  input('exposure').addEventListener('input', () => display.draw());
  select('curve').addEventListener('change', () => display.draw());
  select('layer').addEventListener('change', () => void display.show());
  input('frame').addEventListener('input', () => playback.choose(Number(input('frame').value)));
  input('lambda').addEventListener('input', () => {
    display.draw();
    // The result has the whole picture with its own lambda.
    if (state.lambda === state.result?.lambda) void display.show();
    else preview.update();
  });
  select('theme').addEventListener('change', () => {
    document.documentElement.dataset.theme = select('theme').value;
  });
  input('token').addEventListener('change', () => signIn(input('token').value));
}

/** Connects the keys of the page, of the split and of the picture. */
export function connectKeys({ state, display, jobs, playback, stage }: Parts): void {
  byId('split').addEventListener('keydown', (event) => {
    const step = { ArrowLeft: -0.02, ArrowRight: 0.02, Home: -1, End: 1 }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    state.split = moveSplit(state.split, step);
    display.draw();
  });
  state.canvas.addEventListener('keydown', (event) => {
    const moves: Record<string, [number, number]> = {
      ArrowLeft: [40, 0],
      ArrowRight: [-40, 0],
      ArrowUp: [0, 40],
      ArrowDown: [0, -40],
    };
    const move = moves[event.key];
    if (move === undefined) return;
    event.preventDefault();
    stage.pan(...move);
  });
  const expose = (step: number): void => {
    input('exposure').value = String(state.exposure + step);
    display.draw();
  };
  const keys: Readonly<Record<string, () => void>> = {
    '+': () => stage.zoom(2),
    '=': () => stage.zoom(2),
    '-': () => stage.zoom(1 / 2),
    '0': () => stage.fit(),
    '1': () => stage.actualSize(),
    '[': () => expose(-0.5),
    ']': () => expose(0.5),
    ',': () => playback.choose(state.frame - 1),
    '.': () => playback.choose(state.frame + 1),
    ' ': () => void playback.toggle(),
    b: () => display.toggleBlink(),
    d: () => void jobs.denoise([state.frame].slice(0, state.shot.frames.length)),
    D: () => void jobs.denoise([...state.shot.frames.keys()]),
    Escape: () => jobs.cancel(),
  };
  document.addEventListener('keydown', (event) => {
    if (!(event.target instanceof Element) || event.ctrlKey || event.metaKey || event.altKey) return;
    const types = event.target.matches('input:not([type="range"]):not([type="checkbox"]), select');
    if (types && event.key !== 'Escape') return;
    if (event.key === ' ' && event.target.matches('button, input')) return;
    const act = keys[event.key];
    if (act === undefined) return;
    event.preventDefault();
    act();
  });
}
