import type { FrameDisplay } from './frame-display.js';
import type { Jobs } from './jobs.js';
import { explain, setStatus } from './messages.js';
import { button, byId, frameCount, input } from './page.js';
import type { Playback } from './playback.js';
import { arrangeFiles } from './shot.js';
import type { Source, State } from './state.js';
import { fitted } from './view-transform.js';

/** Opens files that are chosen or dropped. */
export class ShotOpener {
  /** How often files were given: only the latest ones are shown. */
  #openings = 0;

  constructor(
    readonly state: State,
    readonly display: FrameDisplay,
    readonly jobs: Jobs,
    readonly playback: Playback,
  ) {
    const stage = byId('stage');
    input('files').addEventListener('change', () => {
      const files = [...(input('files').files ?? [])];
      // The same files can be chosen again, as after another render.
      input('files').value = '';
      void this.open(files);
    });
    document.addEventListener('dragover', (event) => {
      event.preventDefault();
      stage.classList.add('over');
    });
    document.addEventListener('dragleave', () => stage.classList.remove('over'));
    document.addEventListener('drop', (event) => {
      event.preventDefault();
      stage.classList.remove('over');
      void this.open([...(event.dataTransfer?.files ?? [])]);
    });
  }

  /** Replaces the open files, unless the new ones cannot be shown. */
  async open(files: readonly File[]): Promise<void> {
    if (files.length === 0) return;
    const shot = arrangeFiles(files);
    const first = shot.halves?.frame ?? Math.floor(shot.frames.length / 2);
    const file = shot.frames[first];
    if (file === undefined)
      return setStatus(new Error(`${namesOf(files)}: not OpenEXR, which ends with .exr`));
    const opening = ++this.#openings;
    const source = await this.#tryRead(file);
    if (opening !== this.#openings) return;
    if (source instanceof Error) return setStatus(source);
    const { state, display } = this;
    this.jobs.cancel();
    state.turning.emit();
    state.shot = shot;
    display.pictures.keepOnly(file, source);
    state.results = new Map();
    state.pictures = {};
    this.playback.reset(first);
    byId('hint').hidden = true;
    await display.show();
    if (state.shot !== shot || state.pictures.noisy === undefined) return;
    state.view = fitted(state.size, state.room, 4);
    display.autoExposure();
    const halves = shot.halves === undefined ? '' : ', with half buffers';
    const doubt = shot.isDoubtful ? '; some have the same frame number, or none: are they one shot?' : '';
    const ignored = shot.ignored.length === 0 ? '' : `; not used: ${shot.ignored.join(', ')}`;
    setStatus(`${frameCount(shot.frames.length)}${halves}${doubt}${ignored}`);
    byId<HTMLProgressElement>('progress').hidden = true;
    button('denoise').disabled = false;
    button('denoise-all').disabled = shot.frames.length < 2;
    display.draw();
  }

  /** A file whose beauty can be read, or the problem with it. */
  async #tryRead(file: File): Promise<Source | Error> {
    const { pictures } = this.display;
    try {
      const source = await pictures.source(file);
      await pictures.read(source, '', false);
      return source;
    } catch (error) {
      return error instanceof Error ? error : new Error(explain(error));
    }
  }
}

function namesOf(files: readonly File[]): string {
  const [first, ...others] = files.map(({ name }) => name);
  return others.length === 0 ? `${first}` : `${first} and ${others.length} more`;
}
