import { toDisplay } from '../src/image/tonemap.js';
import { saveFile } from './page.js';
import type { Pictures } from './pictures.js';
import type { State } from './state.js';

/** Saves the denoised file of the shown frame. */
export function saveExr(state: State): void {
  if (state.result !== undefined) saveFile(state.result.source.file, nameFor(state, 'exr'));
}

/** Saves the denoised picture as it is shown, at full size. */
export async function savePng(state: State, pictures: Pictures): Promise<void> {
  const { result, exposure, curve } = state;
  if (result === undefined) return;
  const { width, height, data } = await pictures.read(result.source, '', true);
  const gain = 2 ** exposure;
  const bytes = new Uint8ClampedArray(data.length).fill(255);
  for (let i = 0; i < data.length; i++) {
    if (i % 4 !== 3) bytes[i] = 255 * toDisplay(gain * (data[i] as number), curve);
  }
  const canvas = new OffscreenCanvas(width, height);
  canvas.getContext('2d')?.putImageData(new ImageData(bytes, width, height), 0, 0);
  saveFile(await canvas.convertToBlob({ type: 'image/png' }), nameFor(state, 'png'));
}

function nameFor({ shot, frame }: State, extension: string): string {
  return (shot.frames[frame]?.name ?? 'frame.exr').replace(/\.exr$/i, `.denoised.${extension}`);
}
