import { Zip, ZipPassThrough } from 'fflate';
import type { FrameDisplay } from './frame-display.js';
import { setStatus } from './messages.js';
import { saveFile } from './page.js';
import { Screen } from './screen.js';
import type { Result, State } from './state.js';

type Format = 'exr' | 'png';

/** Saves denoised frames: the file of the service, or the picture as it is shown, at full size. */
export class ResultSaver {
  #screen: Screen | undefined;

  constructor(
    readonly state: State,
    readonly display: FrameDisplay,
  ) {}

  /** Saves the shown frame. */
  async save(format: Format): Promise<void> {
    const { frame, result } = this.state;
    if (result !== undefined) saveFile(await this.#blob(result, format), this.#name(frame, format));
  }

  /** Saves all denoised frames in one zip file. */
  async saveAll(format: Format): Promise<void> {
    const { shot, results } = this.state;
    const chunks: Uint8Array<ArrayBuffer>[] = [];
    const zip = new Zip((error, chunk) => {
      if (error) throw error;
      chunks.push(chunk);
    });
    let count = 0;
    for (const frame of shot.frames.keys()) {
      const [result] = results.get(frame) ?? [];
      if (result === undefined) continue;
      setStatus(`Packing ${this.#name(frame, format)} ...`);
      // Both formats are compressed already.
      const entry = new ZipPassThrough(this.#name(frame, format));
      zip.add(entry);
      entry.push(new Uint8Array(await (await this.#blob(result, format)).arrayBuffer()), true);
      count++;
    }
    zip.end();
    const name = this.#name(0, format).replace(/[._-]?\d*\.denoised\.\w+$/, '');
    saveFile(new Blob(chunks, { type: 'application/zip' }), `${name || 'shot'}.denoised.${format}.zip`);
    const rest = shot.frames.length - count;
    setStatus(
      `Saved ${count} of ${shot.frames.length} frames${rest > 0 ? ': the others are not denoised' : ''}`,
    );
  }

  async #blob(result: Result, format: Format): Promise<Blob> {
    if (format === 'exr') return result.source.file;
    const { width, height, data } = await this.display.pictures.read(result.source, '', true);
    this.#screen ??= new Screen(document.createElement('canvas'));
    const screen = this.#screen;
    screen.set('noisy', width, height, data);
    const { exposure, curve, range } = this.display.look();
    const whole = { scale: 1, x: 0, y: 0 };
    const plain = { keptNoise: 0, isPainted: false, isPaintShown: false, split: 0, range } as const;
    screen.draw(
      { ...plain, view: whole, left: 'noisy', right: 'noisy', mode: 'light', exposure, curve },
      { width, height },
    );
    return new Promise((done, failed) => {
      const take = (blob: Blob | null): void =>
        blob === null ? failed(new Error('The browser cannot write the PNG')) : done(blob);
      screen.canvas.toBlob(take, 'image/png');
    });
  }

  #name(frame: number, format: Format): string {
    const name = this.state.shot.frames[frame]?.name ?? 'frame.exr';
    return name.replace(/\.exr$/i, `.denoised.${format}`);
  }
}
