import type { FrameDisplay } from './frame-display.js';
import { closeErrors, setStatus, showError } from './messages.js';
import { button, byId, duration, frameCount, input, select, timeLeft } from './page.js';
import { type JobStatus, Problem, type Service } from './service.js';
import type { State } from './state.js';
import { UnfinishedFrame } from './unfinished-frame.js';
import { requestedWindow } from './windows.js';

/** Denoises frames as jobs of the service, one job at a time. */
export class Jobs {
  #work: AbortController | undefined;
  #job: string | undefined;
  readonly #unfinished: UnfinishedFrame;

  constructor(
    readonly state: State,
    readonly display: FrameDisplay,
    readonly service: Service,
  ) {
    this.#unfinished = new UnfinishedFrame(state, display, service);
  }

  /** Denoises frames as a job, with progress; each is shown as soon as it is done. */
  async denoise(frames: readonly number[]): Promise<void> {
    if (this.#work !== undefined || frames.length === 0) return;
    const work = new AbortController();
    this.#work = work;
    this.state.isWorking = true;
    this.state.turning.emit();
    closeErrors();
    button('cancel').disabled = false;
    for (const id of ['denoise', 'denoise-all']) button(id).disabled = true;
    const progress = byId<HTMLProgressElement>('progress');
    progress.removeAttribute('value');
    progress.hidden = false;
    const shown = this.state.frame;
    // What is wrong with it, the job says as well.
    if (frames.includes(shown)) void this.#unfinished.preview(shown, work.signal).catch(() => {});
    try {
      await this.#run(frames, work.signal).catch((error: unknown) => {
        const maps = input('maps');
        if (!(error instanceof Problem) || error.code !== 'not-implemented' || !maps.checked) throw error;
        // The only requested output that some models lack.
        maps.checked = false;
        return this.#run(frames, work.signal, '; no maps: the model predicts none');
      });
    } catch (error) {
      if (work.signal.aborted && this.#job !== undefined) void this.service.cancel(this.#job).catch(() => {});
      if (work.signal.aborted) setStatus('Cancelled');
      else showError(error);
    } finally {
      this.#work = undefined;
      this.#job = undefined;
      this.state.isWorking = false;
      progress.hidden = true;
      this.#unfinished.end();
      button('cancel').disabled = true;
      button('denoise').disabled = false;
      button('denoise-all').disabled = this.state.shot.frames.length < 2;
    }
  }

  cancel(): void {
    this.#work?.abort();
  }

  async #run(frames: readonly number[], signal: AbortSignal, note = ''): Promise<void> {
    const { lambda } = this.state;
    const painted = new Set(frames.filter((frame) => this.state.strokes.has(frame)));
    const begin = performance.now();
    const windows = await Promise.all(
      frames.map((frame) => requestedWindow(frame, this.state, this.display.pictures, lambda)),
    );
    const body = {
      windows: windows.map(({ window }) => window),
      ...parameters(),
      lambda,
      progressive: 'true',
    };
    const contents = new Map(windows.flatMap((each) => each.contents).map((each) => [each.digest, each]));
    setStatus('Sending');
    const job = await this.service.startJob(body, [...contents.values()], signal, (sent, count) =>
      setStatus(`Sending ${sent} of ${count} files`),
    );
    this.#job = job.id;
    let problem: Problem | undefined;
    let done = 0;
    const start = performance.now();
    for await (const status of this.service.events(job.id, signal)) {
      showProgress(status, (performance.now() - start) / 1000);
      const settings = (frame: number) => ({ lambda, isPainted: painted.has(frame) });
      problem = (await this.#take(status, frames, settings, signal)) ?? problem;
      done = status.done;
    }
    // Otherwise the service keeps the results for an hour.
    void this.service.cancel(job.id).catch(() => {});
    if (problem !== undefined) throw problem;
    setStatus(`Denoised ${frameCount(done)} in ${duration((performance.now() - begin) / 1000)}${note}`);
  }

  /** Takes the results that are new; returns the problem of a frame that has failed. */
  async #take(
    status: JobStatus,
    frames: readonly number[],
    settings: (frame: number) => { lambda: number; isPainted: boolean },
    signal: AbortSignal,
  ): Promise<Problem | undefined> {
    const { results } = this.state;
    let problem: Problem | undefined;
    for (const frameStatus of status.frames) {
      const { index, state, error } = frameStatus;
      if (error !== undefined) problem = new Problem(error.type.split(':').at(-1) ?? '', error.detail);
      const frame = frames[index];
      // Between two events the tiles may be gone: the result is there.
      if (frame !== undefined) void this.#unfinished.showTiles(frame, frameStatus, signal).catch(() => {});
      if (state !== 'done' || frame === undefined) continue;
      const { file, report } = await this.service.result(status.id, index, signal);
      const source = await this.display.pictures.open(file, 'The result');
      // Other files may have been opened meanwhile.
      signal.throwIfAborted();
      const result = { source, report, ...settings(frame) };
      results.set(frame, [result, ...(results.get(frame) ?? [])].slice(0, MOST_RESULTS));
      if (frame === this.state.frame || (frame === this.state.frame - 1 && this.state.mode === 'flicker'))
        await this.display.show();
    }
    return problem;
  }
}

/** Results of a frame that stay for comparison. */
const MOST_RESULTS = 8;

function showProgress({ state, progress, done, total }: JobStatus, seconds: number): void {
  if (progress > 0) byId<HTMLProgressElement>('progress').value = progress;
  const share = `${Math.floor(100 * progress)} %`;
  setStatus(
    state === 'queued'
      ? 'Waiting for the service'
      : `Denoising: ${done} of ${total}, ${share}${timeLeft(progress, seconds)}`,
  );
}

function parameters(): Record<string, string | number> {
  const model = select('model').value;
  const maps = input('maps').checked ? { outputs: 'color,error,samples', budget: input('budget').value } : {};
  const wrap = select('wrap').value;
  return { ...maps, ...(model !== '' && { model }), ...(wrap !== '' && { wrap }) };
}
