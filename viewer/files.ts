import type { FrameDisplay } from './frame-display.js';
import type { Jobs } from './jobs.js';
import { closeErrors, FileProblem, setStatus, showError } from './messages.js';
import { button, byId, frameCount, input } from './page.js';
import type { Playback } from './playback.js';
import { arrangeFiles, type Shot } from './shot.js';
import type { State } from './state.js';
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
    closeErrors();
    const shot = arrangeFiles(files);
    const first = shot.halves?.frame ?? Math.floor(shot.frames.length / 2);
    const file = shot.frames[first];
    if (file === undefined) {
      const detail = 'Choose files that end with .exr, a frame among them';
      return showError(new FileProblem(`${namesOf(files)}: no frame to show`, detail));
    }
    const opening = ++this.#openings;
    setStatus(`Opening ${file.name} ...`);
    const progress = byId<HTMLProgressElement>('progress');
    progress.removeAttribute('value');
    progress.hidden = false;
    try {
      await this.#show(shot, first, file, () => opening === this.#openings);
    } catch (error) {
      if (opening === this.#openings) showError(error);
    } finally {
      if (opening === this.#openings && !this.state.isWorking) progress.hidden = true;
    }
  }

  /** @throws FileProblem where the frame to show first cannot be read; then nothing changes. */
  async #show(shot: Shot<File>, first: number, file: File, isLatest: () => boolean): Promise<void> {
    const { state, display } = this;
    const source = await display.pictures.source(file);
    await display.pictures.read(source, '', false);
    if (!isLatest()) return;
    this.jobs.cancel();
    state.turning.emit();
    state.shot = shot;
    state.references = new Map(shot.references);
    display.pictures.keepOnly(file, source);
    state.results = new Map();
    state.strokes = new Map();
    state.pictures = {};
    this.playback.reset(first);
    byId('hint').hidden = true;
    await display.show();
    if (state.shot !== shot || state.pictures.noisy === undefined) return;
    state.view = fitted(state.size, state.room, 4);
    setStatus(summaryOf(shot));
    button('denoise').disabled = false;
    button('denoise-all').disabled = shot.frames.length < 2;
    display.draw();
  }
}

function summaryOf({ frames, halves, references, isDoubtful, ignored }: Shot<File>): string {
  return [
    frameCount(frames.length),
    halves === undefined ? '' : ', with half buffers',
    references.size === 0 ? '' : ', with a reference',
    isDoubtful ? '; some have the same frame number, or none: are they one shot?' : '',
    ignored.length === 0 ? '' : `; not used: ${ignored.join(', ')}`,
  ].join('');
}

function namesOf(files: readonly File[]): string {
  const [first, ...others] = files.map(({ name }) => name);
  return others.length === 0 ? `${first}` : `${first} and ${others.length} more`;
}
