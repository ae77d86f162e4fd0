import type { Parts } from './controls.js';
import { byId, input, rowOf } from './page.js';
import { moveSplit } from './view-transform.js';

interface Action {
  readonly keys: readonly string[];
  readonly help: string;
  readonly act: () => unknown;
}

/** Pictures that cover the screen while their key is held. */
const HELD = { n: 'noisy', m: 'denoised', r: 'reference', x: 'difference' } as const;

/** Connects the keys of the page, of the split and of the picture, and lists them in the help. */
export function connectKeys(parts: Parts): void {
  const { state, display, stage } = parts;
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
  const actions = actionsOf(parts);
  document.addEventListener('keydown', (event) => {
    const { target } = event;
    if (!(target instanceof Element) || event.ctrlKey || event.metaKey || event.altKey) return;
    if (byId<HTMLDialogElement>('keys').open) return;
    const types = target.matches('input:not([type="range"]):not([type="checkbox"]), select');
    if (types && event.key !== 'Escape') return;
    if (event.key === ' ' && target.matches('button, input')) return;
    const action = actions.find(({ keys }) => keys.includes(event.key));
    if (action === undefined) return;
    event.preventDefault();
    if (!event.repeat || !action.help.startsWith('hold')) action.act();
  });
  const release = (): void => {
    if (state.held === undefined) return;
    state.held = undefined;
    display.draw();
  };
  document.addEventListener('keyup', ({ key }) => {
    if (key.toLowerCase() in HELD) release();
  });
  window.addEventListener('blur', release);
  const rows = actions.map(({ keys, help }) =>
    rowOf(keys.map((key) => (key === ' ' ? 'Space' : key)).join(' '), help),
  );
  byId('key-rows').replaceChildren(...rows, rowOf('Shift + drag', 'denoise a region'));
}

function actionsOf({ state, display, jobs, playback, stage }: Parts): readonly Action[] {
  const expose = (step: number): void => {
    input('exposure').value = String(state.exposure + step);
    display.draw();
  };
  const holds = Object.entries(HELD).map(([key, held]) => ({
    keys: [key],
    help: `hold: ${held}`,
    act: () => {
      if (held !== 'difference' && state.pictures[held] === undefined) return;
      state.held = held;
      display.draw();
    },
  }));
  return [
    { keys: ['d'], help: 'denoise the frame', act: () => jobs.denoise(currentFrame(state)) },
    { keys: ['D'], help: 'denoise all frames', act: () => jobs.denoise([...state.shot.frames.keys()]) },
    { keys: ['Escape'], help: 'cancel', act: () => jobs.cancel() },
    ...holds,
    { keys: ['b'], help: 'blink between both sides', act: () => display.toggleBlink() },
    { keys: ['+', '='], help: 'magnify', act: () => stage.zoom(2) },
    { keys: ['-'], help: 'shrink', act: () => stage.zoom(1 / 2) },
    { keys: ['0', 'f'], help: 'fit the picture', act: () => stage.fit() },
    { keys: ['1'], help: 'one pixel of the picture per pixel of the screen', act: () => stage.actualSize() },
    { keys: ['['], help: 'half a stop darker', act: () => expose(-0.5) },
    { keys: [']'], help: 'half a stop brighter', act: () => expose(0.5) },
    { keys: [','], help: 'previous frame', act: () => playback.choose(state.frame - 1) },
    { keys: ['.'], help: 'next frame', act: () => playback.choose(state.frame + 1) },
    { keys: [' '], help: 'play, or stop', act: () => playback.toggle() },
    { keys: ['p'], help: 'brush for the noise to keep', act: () => input('brush').click() },
    { keys: ['k'], help: 'kernels of a pixel that is clicked', act: () => input('inside').click() },
    { keys: ['?'], help: 'this list', act: () => byId<HTMLDialogElement>('keys').showModal() },
  ];
}

function currentFrame({ frame, shot }: Parts['state']): readonly number[] {
  return shot.frames.length === 0 ? [] : [frame];
}
