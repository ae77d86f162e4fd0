import type { FrameDisplay } from './frame-display.js';
import { byId, shortNumber } from './page.js';
import { SIDES } from './screen.js';
import type { Picture, State } from './state.js';
import { type Point, pixelAt } from './view-transform.js';

/** Shows the values and the displayed color of the pixel under a place of the canvas in CSS pixels. */
export function inspect(state: State, display: FrameDisplay, place: Point): void {
  const pixel = pixelAt(state.view, place, state.size);
  const readout = byId('readout');
  readout.hidden = pixel === undefined || state.pictures.noisy === undefined;
  if (pixel === undefined || readout.hidden) return;
  byId('values').textContent = valuesAt(state, pixel);
  byId('swatch').style.background = `rgb(${display.screen.colorAt(place).join(' ')})`;
}

function valuesAt(state: State, { x, y }: Point): string {
  const { mode, pictures, part } = state;
  const at = ({ width, data }: Picture, left = x, top = y): readonly number[] => [
    ...data.subarray(4 * (top * width + left), 4 * (top * width + left) + 4),
  ];
  const text = (values: readonly number[]): string => {
    const [first = Number.NaN, second = Number.NaN] = values;
    if (mode === 'value') return shortNumber(first);
    if (mode !== 'motion') return columns(values.slice(0, 3));
    return `${columns([first, second])}  length ${shortNumber(Math.hypot(first, second))}`;
  };
  const { noisy, denoised } = pictures;
  if (noisy === undefined) return '';
  const [, , , alpha = 1] = at(noisy);
  const opacity = mode === 'light' ? [`alpha     ${shortNumber(alpha)}`] : [];
  const isInPart = part && x >= part.x && y >= part.y && x < part.x + part.width && y < part.y + part.height;
  const lines = SIDES.flatMap((side) => {
    const picture = pictures[side];
    if (picture === undefined || (side === 'denoised' && denoised === noisy && !isInPart)) return [];
    const values = side === 'denoised' && isInPart ? at(part, x - part.x, y - part.y) : at(picture);
    return [[side, text(values)] as const];
  });
  const named = lines.map(([side, values]) => (lines.length > 1 ? `${side.padEnd(10)}${values}` : values));
  return [`${x}, ${y}`, ...named, ...opacity].join('\n');
}

/** Numbers below each other line up. */
function columns(values: readonly number[]): string {
  return values
    .map((value) => shortNumber(value).padEnd(10))
    .join(' ')
    .trimEnd();
}
