import { resolveLayers } from '../src/frame/layers/resolve-layers.js';
import { button, byId, input, select, shortNumber } from './page.js';
import type { Look, Side } from './screen.js';
import { FLICKER, MAPS, type Source, type State } from './state.js';

const LEGENDS: Readonly<Record<string, string>> = {
  flicker: 'change of brightness',
  difference: 'relative difference',
  motion: 'direction, and length in pixels',
};

/** Names both sides, the legend and the sliders' values, and keeps the facts of the frame in sight. */
export function showLabels(state: State, look: Look, isBlinking: boolean): void {
  const { split, mode, range } = look;
  const isOpen = state.pictures.noisy !== undefined;
  const isCompared = isSplit(state, look);
  const handle = byId('split');
  handle.style.left = `${split * state.room.width}px`;
  handle.setAttribute('aria-valuenow', String(Math.round(100 * split)));
  handle.hidden = !isOpen || isBlinking || !isCompared || state.held !== undefined || mode === 'difference';
  const [left, right] = [sideName(state, look.left), sideName(state, look.right)];
  const isEqual = !isCompared && state.result !== undefined && left !== right && mode !== 'flicker';
  byId('left-name').textContent = isEqual ? 'the same on both sides' : left;
  byId('right-name').textContent = mode === 'difference' ? `${left} against ${right}` : right;
  byId('left-name').hidden = !isOpen || split === 0 || mode === 'difference';
  byId('right-name').hidden =
    !isOpen || isEqual || (split === 1 && mode !== 'flicker') || (left === right && split !== 0);
  byId('exposure-value').textContent = signed(look.exposure);
  byId('keep-value').textContent = `${input('keep').value} %`;
  byId('lambda-value').textContent = `lambda ${state.lambda}`;
  byId('brush-value').textContent = `${input('brush-keep').value} %`;
  const isFalse = ['value', 'flicker', 'difference'].includes(mode);
  byId('legend').hidden = !isFalse && mode !== 'motion';
  byId('legend-colors').hidden = !isFalse;
  byId('legend-wheel').hidden = mode !== 'motion';
  byId('legend-low').textContent = shortNumber(range.low);
  byId('legend-high').textContent = shortNumber(range.high);
  byId('legend-name').textContent =
    (mode === 'flicker' && state.isMotionFollowed
      ? 'change of brightness along the motion'
      : LEGENDS[mode]) ??
    select('layer').selectedOptions[0]?.textContent ??
    '';
  const isFinal = state.result === undefined || state.isFinal(state.result);
  button('denoise').classList.toggle('primary', isOpen && (state.result === undefined || !isFinal));
  byId('open').classList.toggle('primary', !isOpen);
  showFacts(state, look);
}

/** Whether the two sides of the split differ. */
export function isSplit({ isCompared, part }: State, { left, right }: Pick<Look, 'left' | 'right'>): boolean {
  return (
    isCompared || (part !== undefined && left !== right && (left === 'denoised' || right === 'denoised'))
  );
}

/** Names the page after the frame, and its renderer. */
export function nameFrame({ shot, frame }: State, source: Source): void {
  const count = shot.frames.length;
  byId('frame-name').textContent = `${source.name} (${frame + 1} of ${count})`;
  byId('info-name').textContent = source.name;
  byId('info-renderer').textContent = resolveLayers(source.parts).source;
  document.title = `${source.name} - quietframe`;
}

function showFacts({ pictures, size }: State, { view, exposure, curve }: Look): void {
  byId('info').hidden = pictures.noisy === undefined;
  byId('info-size').textContent = `${size.width} x ${size.height}`;
  byId('info-zoom').textContent = `${Math.round(100 * view.scale)} %`;
  const title = [...select('curve').options].find(({ value }) => value === curve)?.textContent;
  byId('info-exposure').textContent = `${signed(exposure)} EV, ${title}`;
}

function sideName(state: State, side: Side): string {
  const { frame, results, result, part } = state;
  const layer = select('layer').value;
  if (MAPS.test(layer)) return 'predicted';
  if (side !== 'denoised') return side;
  if (layer === FLICKER && frame === 0) return 'no previous frame';
  if (part !== undefined) return part.label;
  if (result === undefined) return 'not denoised yet';
  if (layer === FLICKER && !results.has(frame - 1)) return 'the previous frame is not denoised yet';
  if (state.strokes.has(frame) && state.isApproximate) return 'painted map, approximate';
  if (state.isApproximate) return `lambda ${state.lambda}, approximate`;
  return 'denoised';
}

function signed(stops: number): string {
  return `${stops < 0 ? '-' : '+'}${Math.abs(stops).toFixed(1)}`;
}
