import { LRUCache } from 'lru-cache';
import { resolveLayers } from '../src/frame/layers/resolve-layers.js';
import { boxHeight, boxWidth } from '../src/image/image.js';
import { raster } from '../src/image/raster.js';
import { displayExposure, toDisplay } from '../src/image/tonemap.js';
import { Decoder, type Opened } from './decoder.js';
import { colorTable, type Range, usualRange } from './false-color.js';
import { interleave, type Layer, layersOf } from './layers.js';
import { CURVES, Screen, type Slot } from './screen.js';
import { type Content, type JobStatus, Problem, type Report, Service } from './service.js';
import { arrangeFiles, type Shot, windowOf } from './shot.js';
import {
  fitted,
  moveSplit,
  type Point,
  pan,
  pixelAt,
  type Size,
  type View,
  visibleRegion,
  zoom,
} from './view-transform.js';

/** A file, opened. */
type Source = Opened & { readonly file: Blob; readonly name: string };

/** What has become of a frame. */
interface Result {
  readonly source: Source;
  readonly report: Report;
  readonly lambda: number;
}

interface Picture extends Size {
  /** Interleaved RGBA. */
  readonly data: Float32Array<ArrayBuffer>;
}

const MAPS = /(^|\.)(error\.(SMAPE|DSSIM)|samples\.(density|spp))$/;
const FLICKER = 'flicker';
/** Bytes of pictures that are kept: a shot that plays is not decoded again and again. */
const KEPT_PICTURES = 512 * 2 ** 20;
/** Difference of displayed brightness that gets the last colour. */
const FLICKER_RANGE: Range = { low: 0, high: 0.2 };
const NO_RANGE: Range = { low: 0, high: 1 };
/** Time without a change after which what is visible is asked for anew. */
const SETTLE_MS = 120;
const BLINK_MS = 400;

const byId = <Type extends HTMLElement>(id: string): Type => document.getElementById(id) as Type;
const input = (id: string): HTMLInputElement => byId<HTMLInputElement>(id);
const select = (id: string): HTMLSelectElement => byId<HTMLSelectElement>(id);
const button = (id: string): HTMLButtonElement => byId<HTMLButtonElement>(id);

/** The page: what is open, what is shown of it, and what people do. */
class Viewer {
  readonly #decoder = new Decoder();
  readonly #service = new Service();
  readonly #screen = new Screen(byId('canvas'));
  #shot: Shot<File> = { frames: [], isDoubtful: false, ignored: [] };
  #sources = new Map<File, Promise<Source>>();
  readonly #kept = new LRUCache<string, Picture>({
    maxSize: KEPT_PICTURES,
    sizeCalculation: ({ data }) => data.byteLength,
  });
  #results = new Map<number, Result>();
  #frame = 0;
  #layers: readonly Layer[] = [];
  #pictures: Partial<Record<Slot, Picture>> = {};
  /** What was denoised anew of the picture that is shown. */
  #part: (Picture & Point) | undefined;
  #view: View = { scale: 1, x: 0, y: 0 };
  #split = 0.5;
  /** Whether the two sides of the split differ. */
  #isCompared = false;
  #range = NO_RANGE;
  #mode: 'light' | 'direction' | 'value' | 'flicker' = 'light';
  /** Rises with every picture that is asked for: what is late is not shown. */
  #turn = 0;
  /** How often files were given: the last counts. */
  #openings = 0;
  #work: AbortController | undefined;
  #job: string | undefined;
  #preview: AbortController | undefined;
  #settle: number | undefined;
  #blink: number | undefined;
  /** Which of the two a blink shows. */
  #isNoisyShown = true;
  readonly #lambdaNote = byId('lambda-note').textContent;
  #playing = false;
  /** How often play was pressed: one that was stopped and pressed again must not run twice. */
  #plays = 0;

  constructor() {
    this.#connectFiles();
    this.#connectStage();
    this.#connectControls();
    this.#connectKeys();
    new ResizeObserver(() => this.#draw()).observe(this.#screen.canvas);
    void this.#loadModels();
  }

  get #size(): Size {
    const { width = 1, height = 1 } = this.#pictures.noisy ?? {};
    return { width, height };
  }

  get #room(): Size {
    const { clientWidth: width, clientHeight: height } = this.#screen.canvas;
    return { width, height };
  }

  get #lambda(): number {
    return Number(input('lambda').value);
  }

  async #loadModels(): Promise<void> {
    try {
      const models = await this.#service.models();
      select('model').replaceChildren(...models.map((name) => new Option(name, name)));
      if (byId('status').classList.contains('problem')) this.#say('The service answers');
    } catch (error) {
      this.#say(error);
    }
  }

  #source(file: File): Promise<Source> {
    const known = this.#sources.get(file);
    if (known !== undefined) return known;
    const opened = this.#decoder.open(file).then(
      (header) => ({ ...header, file, name: file.name }),
      (error: Error) => {
        throw new Error(`${file.name}: ${error.message}`);
      },
    );
    this.#sources.set(file, opened);
    return opened;
  }

  /** Opens files in the place of those that are open, which stay where the new ones cannot be shown. */
  async #open(files: readonly File[]): Promise<void> {
    if (files.length === 0) return;
    const shot = arrangeFiles(files);
    const first = shot.halves?.frame ?? Math.floor(shot.frames.length / 2);
    const file = shot.frames[first];
    if (file === undefined)
      return this.#say(new Error(`${namesOf(files)}: not OpenEXR, which ends with .exr`));
    const opening = ++this.#openings;
    const source = await this.#tried(file);
    if (opening !== this.#openings) return;
    if (source instanceof Error) return this.#say(source);
    this.#cancel();
    this.#preview?.abort();
    this.#shot = shot;
    this.#sources = new Map([[file, Promise.resolve(source)]]);
    this.#results = new Map();
    this.#pictures = {};
    this.#playing = false;
    button('play').setAttribute('aria-pressed', 'false');
    input('frame').max = String(shot.frames.length - 1);
    this.#turnTo(first);
    byId('sequence').hidden = shot.frames.length < 2;
    byId('hint').hidden = true;
    await this.#show();
    if (this.#shot !== shot || this.#pictures.noisy === undefined) return;
    this.#view = fitted(this.#size, this.#room, 4);
    this.#autoExposure();
    const halves = shot.halves === undefined ? '' : ', with half buffers';
    const doubt = shot.isDoubtful ? '; some have the same frame number, or none: are they one shot?' : '';
    const ignored = shot.ignored.length === 0 ? '' : `; not used: ${shot.ignored.join(', ')}`;
    this.#say(`${frameCount(shot.frames.length)}${halves}${doubt}${ignored}`);
    byId<HTMLProgressElement>('progress').hidden = true;
    button('denoise').disabled = false;
    button('denoise-all').disabled = shot.frames.length < 2;
    this.#draw();
  }

  /** A file whose beauty can be read, or what is wrong with it. */
  async #tried(file: File): Promise<Source | Error> {
    try {
      const source = await this.#source(file);
      await this.#read(source, '', false);
      return source;
    } catch (error) {
      return error instanceof Error ? error : new Error(explain(error));
    }
  }

  /** Reads and shows the chosen layer of the chosen frame. */
  async #show(): Promise<void> {
    const turn = ++this.#turn;
    this.#preview?.abort();
    const file = this.#shot.frames[this.#frame];
    if (file === undefined) return;
    try {
      const source = await this.#source(file);
      const result = this.#results.get(this.#frame);
      if (turn !== this.#turn) return;
      this.#listLayers(source, result);
      this.#listChannels(source, result);
      const wanted = select('layer').value;
      const noisy = await this.#read(source, wanted, false);
      const denoised = result === undefined ? noisy : await this.#read(result.source, wanted, true);
      const pictures: Partial<Record<Slot, Picture>> = { noisy, denoised };
      if (wanted === FLICKER) Object.assign(pictures, await this.#before(pictures));
      if (turn !== this.#turn) return;
      // Maps are in the denoised file alone.
      if (this.#layerOf(source, wanted, false) === undefined) pictures.noisy = denoised;
      this.#pictures = pictures;
      this.#part = undefined;
      for (const [slot, { width, height, data }] of Object.entries(pictures)) {
        this.#screen.set(slot as Slot, width, height, data);
      }
      const layer = this.#layerOf(result?.source ?? source, wanted, true) ?? this.#layers[0];
      this.#mode = wanted === FLICKER ? 'flicker' : (layer?.kind ?? 'light');
      const values = denoised.data;
      this.#range = this.#mode === 'value' ? usualRange(values, 4) : FLICKER_RANGE;
      this.#describe(result);
      this.#draw();
      this.#settled();
    } catch (error) {
      if (turn === this.#turn) this.#say(error);
    }
  }

  /** The frame before, for flicker; the frame itself where there is none. */
  async #before(now: Partial<Record<Slot, Picture>>): Promise<Partial<Record<Slot, Picture>>> {
    const file = this.#shot.frames[this.#frame - 1];
    const { noisy, denoised } = now;
    if (file === undefined || noisy === undefined || denoised === undefined) {
      return { ...(noisy && { noisyBefore: noisy }), ...(denoised && { denoisedBefore: denoised }) };
    }
    const source = await this.#source(file);
    const result = this.#results.get(this.#frame - 1);
    const noisyBefore = await this.#read(source, '', false);
    // A denoised frame is compared with a denoised one alone.
    const both = result !== undefined && this.#results.has(this.#frame);
    const denoisedBefore = both ? await this.#read(result.source, '', true) : denoised;
    return { ...(noisyBefore && { noisyBefore }), ...(denoisedBefore && { denoisedBefore }) };
  }

  /** The layer of a label in a file; of the beauty, what is denoised or what is written. */
  #layerOf(source: Source, label: string, denoised: boolean): Layer | undefined {
    if (label !== '' && label !== FLICKER)
      return layersOf(source.parts).find((layer) => layer.label === label);
    return beautyOf(source, denoised);
  }

  /** @throws Error with the file's name and what is wrong with it. */
  async #read(source: Source, label: string, denoised: boolean): Promise<Picture> {
    const layer = this.#layerOf(source, label, denoised) ?? beautyOf(source, denoised);
    const key = JSON.stringify([source.digest, layer.part, layer.channels]);
    const kept = this.#kept.get(key);
    if (kept !== undefined) return kept;
    const { dataWindow, data } = await this.#decoder
      .planes(source.file, layer.part, layer.channels)
      .catch((error: Error) => {
        throw new Error(`${source.name}: ${error.message}`);
      });
    const [width, height] = [boxWidth(dataWindow), boxHeight(dataWindow)];
    const picture = { width, height, data: interleave(data, width * height) };
    this.#kept.set(key, picture);
    return picture;
  }

  #listLayers(source: Source, result: Result | undefined): void {
    this.#layers = layersOf(result?.source.parts ?? source.parts);
    const picker = select('layer');
    const chosen = picker.value;
    const option = ({ label }: Layer): HTMLOptionElement => new Option(label, label);
    const maps = this.#layers.filter(({ label }) => MAPS.test(label));
    const group = (label: string, options: readonly HTMLOptionElement[]): HTMLOptGroupElement => {
      const element = document.createElement('optgroup');
      element.label = label;
      element.append(...options);
      return element;
    };
    picker.replaceChildren(
      new Option('Beauty', ''),
      ...(this.#shot.frames.length > 1 ? [new Option('Flicker', FLICKER)] : []),
      ...(maps.length > 0 ? [group('Maps', maps.map(option))] : []),
      group('Layers of the file', this.#layers.filter((layer) => !maps.includes(layer)).map(option)),
    );
    picker.value = chosen;
    if (picker.selectedIndex < 0) picker.value = '';
  }

  #listChannels(source: Source, result: Result | undefined): void {
    const parts = result?.source.parts ?? source.parts;
    const { uses, source: renderer } = resolveLayers(source.parts);
    const rows = parts.flatMap(({ channels }, part) =>
      channels.map(({ name }) => {
        const roles = uses
          .filter((use) => use.part === part && use.channel === name)
          .map(({ usedAs }) => usedAs);
        return rowOf(name, roles.join(', ') || (MAPS.test(name) ? 'map' : 'kept'));
      }),
    );
    byId('channels').replaceChildren(rowOf('Renderer', renderer), ...rows);
  }

  #describe(result: Result | undefined): void {
    for (const id of ['save-exr', 'save-png']) button(id).disabled = result === undefined;
    const name = this.#shot.frames[this.#frame]?.name ?? '';
    byId('frame-name').textContent = `${name} (${this.#frame + 1} of ${this.#shot.frames.length})`;
    byId('left-name').textContent = 'noisy';
    byId('right-name').textContent = result === undefined ? 'not denoised yet' : 'denoised';
    if (MAPS.test(select('layer').value)) {
      for (const id of ['left-name', 'right-name']) byId(id).textContent = 'predicted';
    }
    const isFlicker = select('layer').value === FLICKER;
    if (isFlicker && this.#frame === 0) byId('right-name').textContent = 'no frame before this one';
    else if (isFlicker && result !== undefined && !this.#results.has(this.#frame - 1)) {
      byId('right-name').textContent = 'the frame before is not denoised yet';
    }
    // Of what is in one file alone, both sides would be the same.
    this.#isCompared = isFlicker
      ? this.#frame > 0 && result !== undefined && this.#results.has(this.#frame - 1)
      : result !== undefined && !MAPS.test(select('layer').value);
    byId('readout').textContent = '';
    byId('lambda-note').textContent = this.#lambdaNote;
    const report = result?.report;
    const error =
      report?.predictedError === undefined ? '' : `, SMAPE ${report.predictedError.smape.toFixed(4)}`;
    byId('report').textContent =
      report === undefined
        ? ''
        : `${report.model}@${report.version} on ${report.device}, ${report.windowUsed} frame${report.windowUsed === 1 ? '' : 's'}, lambda ${result?.lambda}${error}`;
    byId('warnings').replaceChildren(
      ...(report?.warnings ?? []).map(({ code, message }) => {
        const item = document.createElement('li');
        item.textContent = `${code}: ${message}`;
        item.title = message;
        return item;
      }),
    );
    const timings = Object.entries(report?.stages ?? {}).map(([stage, seconds]) =>
      rowOf(stage, duration(seconds)),
    );
    byId('timings').replaceChildren(...timings);
    byId('total').textContent = report?.seconds === undefined ? '' : `: ${duration(report.seconds)}`;
    byId('timings-all').hidden = report === undefined;
  }

  /** Denoises frames as a job, with progress; those that are done are shown at once. */
  async #denoise(frames: readonly number[]): Promise<void> {
    if (this.#work !== undefined || frames.length === 0) return;
    const work = new AbortController();
    this.#work = work;
    this.#preview?.abort();
    button('cancel').disabled = false;
    for (const id of ['denoise', 'denoise-all']) button(id).disabled = true;
    Object.assign(byId<HTMLProgressElement>('progress'), { value: 0, hidden: false });
    try {
      await this.#runJob(frames, work.signal).catch((error: unknown) => {
        const maps = input('maps');
        if (!(error instanceof Problem) || error.code !== 'not-implemented' || !maps.checked) throw error;
        // The one thing that is asked for and that not every model has.
        maps.checked = false;
        return this.#runJob(frames, work.signal, '; no maps: the model predicts none');
      });
    } catch (error) {
      if (work.signal.aborted && this.#job !== undefined)
        void this.#service.cancel(this.#job).catch(() => {});
      this.#say(work.signal.aborted ? 'Cancelled' : error);
    } finally {
      this.#work = undefined;
      this.#job = undefined;
      button('cancel').disabled = true;
      button('denoise').disabled = false;
      button('denoise-all').disabled = this.#shot.frames.length < 2;
    }
  }

  async #runJob(frames: readonly number[], signal: AbortSignal, note = ''): Promise<void> {
    const lambda = this.#lambda;
    const begin = performance.now();
    const windows = await this.#windows(frames);
    const body = { windows: windows.map(({ window }) => window), ...this.#parameters(), lambda };
    const contents = new Map(windows.flatMap((each) => each.contents).map((each) => [each.digest, each]));
    this.#say('Sending');
    const job = await this.#service.startJob(body, [...contents.values()], signal, (sent, count) =>
      this.#say(`Sending ${sent} of ${count} files`),
    );
    this.#job = job.id;
    let problem: Problem | undefined;
    let done = 0;
    for await (const status of this.#service.events(job.id, signal)) {
      byId<HTMLProgressElement>('progress').value = status.progress;
      const share = `${Math.floor(100 * status.progress)} %`;
      this.#say(
        status.state === 'queued'
          ? 'Waiting for the service'
          : `Denoising: ${status.done} of ${status.total}, ${share}`,
      );
      problem = (await this.#take(status, frames, lambda, signal)) ?? problem;
      done = status.done;
    }
    // Results stay with the service for an hour otherwise.
    void this.#service.cancel(job.id).catch(() => {});
    if (problem !== undefined) throw problem;
    this.#say(`Denoised ${frameCount(done)} in ${duration((performance.now() - begin) / 1000)}${note}`);
  }

  /** Takes the results that are new; returns the problem of a frame that has failed. */
  async #take(
    status: JobStatus,
    frames: readonly number[],
    lambda: number,
    signal: AbortSignal,
  ): Promise<Problem | undefined> {
    let problem: Problem | undefined;
    for (const { index, state, error } of status.frames) {
      if (error !== undefined) problem = new Problem(error.type.split(':').at(-1) ?? '', error.detail);
      const frame = frames[index];
      if (state !== 'done' || frame === undefined) continue;
      const { file, report } = await this.#service.result(status.id, index, signal);
      const source = { ...(await this.#decoder.open(file)), file, name: 'The result' };
      // Other files may have been opened meanwhile.
      signal.throwIfAborted();
      this.#results.set(frame, { source, report, lambda });
      if (frame === this.#frame || (frame === this.#frame - 1 && this.#mode === 'flicker'))
        await this.#show();
    }
    return problem;
  }

  /** Windows of frames as the service is asked for them. */
  async #windows(frames: readonly number[]): Promise<{ window: object; contents: Content[] }[]> {
    const { halves } = this.#shot;
    return Promise.all(
      frames.map(async (frame) => {
        const size = Number(select('window').value);
        const { first, end, center } = windowOf(frame, this.#shot.frames.length, size);
        const sources = await Promise.all(
          this.#shot.frames.slice(first, end).map((file) => this.#source(file)),
        );
        const pair =
          halves?.frame === frame ? await Promise.all(halves.files.map((file) => this.#source(file))) : [];
        const digests = (list: readonly Source[]): string[] => list.map(({ digest }) => digest);
        const window = {
          ...{ frames: digests(sources), center },
          ...(pair.length > 0 && { halves: digests(pair) }),
        };
        return { window, contents: [...sources, ...pair] };
      }),
    );
  }

  #parameters(): Record<string, string | number> {
    const model = select('model').value;
    const maps = input('maps').checked
      ? { outputs: 'color,error,samples', budget: input('budget').value }
      : {};
    return { ...maps, ...(model !== '' && { model }) };
  }

  #cancel(): void {
    this.#work?.abort();
  }

  /** What is visible with the lambda of the slider, where that is not the one of the result. */
  #settled(): void {
    clearTimeout(this.#settle);
    this.#settle = window.setTimeout(() => void this.#renderVisible(), SETTLE_MS);
  }

  async #renderVisible(): Promise<void> {
    const result = this.#results.get(this.#frame);
    const lambda = this.#lambda;
    if (result === undefined || this.#work !== undefined || this.#mode !== 'light') return;
    if (select('layer').value !== '' || lambda === result.lambda) return;
    const region = visibleRegion(this.#view, this.#size, this.#room);
    if (region === undefined) return;
    this.#preview?.abort();
    const preview = new AbortController();
    this.#preview = preview;
    const turn = this.#turn;
    try {
      const [window] = await this.#windows([this.#frame]);
      if (window === undefined) return;
      const { x, y, width, height } = region;
      const model = select('model').value;
      const body = {
        ...window.window,
        lambda,
        region: `${x},${y},${width},${height}`,
        ...(model && { model }),
      };
      const start = performance.now();
      byId('lambda-note').textContent = `${width} x ${height} pixels with lambda ${lambda}...`;
      const { file } = await this.#service.denoise(body, window.contents, preview.signal);
      const source = await this.#decoder.open(file);
      const { data } = await this.#decoder.planes(file, 0, source.parts[0] ? ['R', 'G', 'B'] : []);
      if (preview.signal.aborted || turn !== this.#turn) return;
      this.#part = { x, y, width, height, data: interleave(data, width * height) };
      this.#screen.patch('denoised', x, y, width, height, this.#part.data);
      byId('right-name').textContent = `lambda ${lambda}, visible part`;
      byId('lambda-note').textContent =
        `${width} x ${height} pixels in ${Math.round(performance.now() - start)} ms. Denoise does the whole frame.`;
      this.#draw();
    } catch (error) {
      if (preview.signal.aborted) return;
      byId('lambda-note').textContent = explain(error);
    }
  }

  #draw(): void {
    const { canvas } = this.#screen;
    const blinking = this.#blink !== undefined;
    // The noisy side alone, where there is nothing to compare it with.
    const split = blinking
      ? Number(this.#isNoisyShown)
      : this.#mode === 'flicker' && !this.#isCompared
        ? 1
        : this.#split;
    const isOpen = this.#pictures.noisy !== undefined;
    const exposure = Number(input('exposure').value);
    const curve = CURVES.find((name) => name === select('curve').value) ?? 'filmic';
    this.#screen.draw({ view: this.#view, split, mode: this.#mode, exposure, curve, range: this.#range });
    const handle = byId('split');
    handle.style.left = `${split * canvas.clientWidth}px`;
    handle.setAttribute('aria-valuenow', String(Math.round(100 * split)));
    handle.hidden = !isOpen || blinking || !this.#isCompared;
    byId('left-name').hidden = !isOpen || split === 0;
    byId('right-name').hidden =
      !isOpen || (blinking && split === 1) || byId('right-name').textContent === 'predicted';
    byId('exposure-value').textContent = exposure.toFixed(1);
    byId('lambda-value').textContent = this.#lambda.toFixed(1);
    const isFalse = this.#mode === 'value' || this.#mode === 'flicker';
    byId('legend').hidden = !isFalse;
    byId('legend-low').textContent = shortNumber(this.#range.low);
    byId('legend-high').textContent = shortNumber(this.#range.high);
    byId('legend-name').textContent =
      this.#mode === 'flicker'
        ? 'change of brightness'
        : (select('layer').selectedOptions[0]?.textContent ?? '');
  }

  #setView(view: View): void {
    this.#view = view;
    this.#draw();
    this.#settled();
  }

  #autoExposure(): void {
    const { noisy } = this.#pictures;
    if (noisy === undefined || this.#mode !== 'light') return;
    const { width, height, data } = noisy;
    const planes = raster(width, height, 3);
    for (let i = 0; i < width * height; i++) {
      for (let c = 0; c < 3; c++) planes.data[c * width * height + i] = data[4 * i + c] as number;
    }
    input('exposure').value = Math.log2(displayExposure(planes)).toFixed(1);
    this.#draw();
  }

  #choose(frame: number): void {
    const count = this.#shot.frames.length;
    if (count === 0) return;
    this.#turnTo((frame + count) % count);
    void this.#show();
  }

  /** The slider follows at once: a picture takes its time, and the next key counts from the frame that was asked for. */
  #turnTo(frame: number): void {
    this.#frame = frame;
    input('frame').value = String(frame);
  }

  async #play(): Promise<void> {
    this.#playing = !this.#playing;
    const play = ++this.#plays;
    button('play').setAttribute('aria-pressed', String(this.#playing));
    while (this.#playing && play === this.#plays && this.#shot.frames.length > 1) {
      const due = performance.now() + 1000 / Math.max(1, Number(input('fps').value));
      this.#turnTo((this.#frame + 1) % this.#shot.frames.length);
      await this.#show();
      await new Promise((resolve) => setTimeout(resolve, Math.max(0, due - performance.now())));
    }
  }

  #toggleBlink(): void {
    if (this.#blink !== undefined) {
      clearInterval(this.#blink);
      this.#blink = undefined;
    } else {
      this.#blink = window.setInterval(() => {
        this.#isNoisyShown = !this.#isNoisyShown;
        this.#draw();
      }, BLINK_MS);
    }
    button('blink').setAttribute('aria-pressed', String(this.#blink !== undefined));
    this.#draw();
  }

  #saveExr(): void {
    const result = this.#results.get(this.#frame);
    if (result !== undefined) save(result.source.file, this.#nameFor('exr'));
  }

  /** The denoised picture as it is shown, at its own size. */
  async #savePng(): Promise<void> {
    const result = this.#results.get(this.#frame);
    const picture = result && (await this.#read(result.source, '', true));
    if (picture === undefined) return;
    const { width, height, data } = picture;
    const gain = 2 ** Number(input('exposure').value);
    const curve = CURVES.find((name) => name === select('curve').value) ?? 'filmic';
    const bytes = new Uint8ClampedArray(data.length).fill(255);
    for (let i = 0; i < data.length; i++) {
      if (i % 4 !== 3) bytes[i] = 255 * toDisplay(gain * (data[i] as number), curve);
    }
    const canvas = new OffscreenCanvas(width, height);
    canvas.getContext('2d')?.putImageData(new ImageData(bytes, width, height), 0, 0);
    save(await canvas.convertToBlob({ type: 'image/png' }), this.#nameFor('png'));
  }

  #nameFor(extension: string): string {
    return (this.#shot.frames[this.#frame]?.name ?? 'frame.exr').replace(/\.exr$/i, `.denoised.${extension}`);
  }

  #connectFiles(): void {
    const stage = byId('stage');
    input('files').addEventListener('change', () => {
      const files = [...(input('files').files ?? [])];
      // The same files can be chosen again, as after another render.
      input('files').value = '';
      void this.#open(files);
    });
    document.addEventListener('dragover', (event) => {
      event.preventDefault();
      stage.classList.add('over');
    });
    document.addEventListener('dragleave', () => stage.classList.remove('over'));
    document.addEventListener('drop', (event) => {
      event.preventDefault();
      stage.classList.remove('over');
      void this.#open([...(event.dataTransfer?.files ?? [])]);
    });
  }

  #connectStage(): void {
    const { canvas } = this.#screen;
    const handle = byId('split');
    const drag = (element: HTMLElement, move: (event: PointerEvent) => void): void => {
      element.addEventListener('pointerdown', (event) => element.setPointerCapture(event.pointerId));
      element.addEventListener('pointermove', (event) => {
        if (element.hasPointerCapture(event.pointerId)) move(event);
      });
    };
    drag(canvas, ({ movementX, movementY }) =>
      this.#setView(pan(this.#view, movementX, movementY, this.#size, this.#room)),
    );
    drag(handle, ({ clientX }) => {
      const { left, width } = canvas.getBoundingClientRect();
      this.#split = moveSplit(0, (clientX - left) / width);
      this.#draw();
    });
    canvas.addEventListener(
      'wheel',
      (event) => {
        event.preventDefault();
        this.#setView(zoom(this.#view, 2 ** (-event.deltaY / 240), { x: event.offsetX, y: event.offsetY }));
      },
      { passive: false },
    );
    canvas.addEventListener('pointermove', ({ offsetX, offsetY }) => {
      const pixel = pixelAt(this.#view, { x: offsetX, y: offsetY }, this.#size);
      byId('readout').textContent = pixel === undefined ? '' : this.#readout(pixel.x, pixel.y);
    });
  }

  #readout(x: number, y: number): string {
    const channels = this.#mode === 'value' ? 1 : 3;
    const values = ({ width, data }: Picture, left = x, top = y): string =>
      [...data.subarray(4 * (top * width + left), 4 * (top * width + left) + channels)]
        .map(shortNumber)
        .join('  ');
    const { noisy, denoised } = this.#pictures;
    if (noisy === undefined || denoised === undefined) return '';
    if (noisy === denoised) return `${x}, ${y}\n${values(noisy)}`;
    const part = this.#part;
    const isInPart =
      part && x >= part.x && y >= part.y && x < part.x + part.width && y < part.y + part.height;
    const clean = isInPart ? values(part, x - part.x, y - part.y) : values(denoised);
    return `${x}, ${y}\nnoisy     ${values(noisy)}\ndenoised  ${clean}`;
  }

  #connectControls(): void {
    byId<HTMLCanvasElement>('legend-colors')
      .getContext('2d')
      ?.putImageData(new ImageData(new Uint8ClampedArray(colorTable()), 256, 1), 0, 0);
    const click = (id: string, act: () => void): void => button(id).addEventListener('click', act);
    click('denoise', () => void this.#denoise([this.#frame]));
    click('denoise-all', () => void this.#denoise([...this.#shot.frames.keys()]));
    click('cancel', () => this.#cancel());
    click('auto', () => this.#autoExposure());
    click('fit', () => this.#setView(fitted(this.#size, this.#room, 4)));
    click('actual', () => this.#actualSize());
    click('blink', () => this.#toggleBlink());
    click('play', () => void this.#play());
    click('save-exr', () => this.#saveExr());
    click('save-png', () => void this.#savePng());
    input('exposure').addEventListener('input', () => this.#draw());
    select('curve').addEventListener('change', () => this.#draw());
    select('layer').addEventListener('change', () => void this.#show());
    input('frame').addEventListener('input', () => this.#choose(Number(input('frame').value)));
    input('lambda').addEventListener('input', () => {
      this.#draw();
      // The result has the whole picture with its own lambda.
      if (this.#lambda === this.#results.get(this.#frame)?.lambda) void this.#show();
      else this.#settled();
    });
    select('theme').addEventListener('change', () => {
      document.documentElement.dataset.theme = select('theme').value;
    });
    input('token').addEventListener('change', () => {
      this.#service.token = input('token').value;
      void this.#loadModels();
    });
  }

  #actualSize(): void {
    const { width, height } = this.#room;
    this.#setView(zoom(this.#view, 1 / this.#view.scale, { x: width / 2, y: height / 2 }));
  }

  #connectKeys(): void {
    byId('split').addEventListener('keydown', (event) => {
      const step = { ArrowLeft: -0.02, ArrowRight: 0.02, Home: -1, End: 1 }[event.key];
      if (step === undefined) return;
      event.preventDefault();
      event.stopPropagation();
      this.#split = moveSplit(this.#split, step);
      this.#draw();
    });
    this.#screen.canvas.addEventListener('keydown', (event) => {
      const moves: Record<string, [number, number]> = {
        ...{ ArrowLeft: [40, 0], ArrowRight: [-40, 0], ArrowUp: [0, 40], ArrowDown: [0, -40] },
      };
      const move = moves[event.key];
      if (move === undefined) return;
      event.preventDefault();
      this.#setView(pan(this.#view, ...move, this.#size, this.#room));
    });
    document.addEventListener('keydown', (event) => {
      const target = event.target as HTMLElement;
      const types = target.matches('input:not([type="range"]):not([type="checkbox"]), select');
      if ((types && event.key !== 'Escape') || event.ctrlKey || event.metaKey || event.altKey) return;
      if (event.key === ' ' && target.matches('button, input')) return;
      const act = this.#keys()[event.key];
      if (act === undefined) return;
      event.preventDefault();
      act();
    });
  }

  #keys(): Readonly<Record<string, () => void>> {
    const middle = { x: this.#room.width / 2, y: this.#room.height / 2 };
    const expose = (step: number): void => {
      input('exposure').value = String(Number(input('exposure').value) + step);
      this.#draw();
    };
    return {
      '+': () => this.#setView(zoom(this.#view, 2, middle)),
      '=': () => this.#setView(zoom(this.#view, 2, middle)),
      '-': () => this.#setView(zoom(this.#view, 1 / 2, middle)),
      '0': () => this.#setView(fitted(this.#size, this.#room, 4)),
      '1': () => this.#actualSize(),
      '[': () => expose(-0.5),
      ']': () => expose(0.5),
      ',': () => this.#choose(this.#frame - 1),
      '.': () => this.#choose(this.#frame + 1),
      ' ': () => void this.#play(),
      b: () => this.#toggleBlink(),
      d: () => void this.#denoise([this.#frame].slice(0, this.#shot.frames.length)),
      D: () => void this.#denoise([...this.#shot.frames.keys()]),
      Escape: () => this.#cancel(),
    };
  }

  #say(message: unknown): void {
    const status = byId('status');
    status.classList.toggle('problem', message instanceof Error);
    status.textContent = message instanceof Error ? explain(message) : String(message);
    status.title = status.textContent;
  }
}

/** The beauty as it is read to be denoised, or as it is written. */
function beautyOf({ parts }: Source, denoised: boolean): Layer {
  const { layers, target } = resolveLayers(parts);
  return { label: 'Beauty', kind: 'light', ...(denoised ? target : layers.color) };
}

/** What is wrong, and what to do about it. */
function explain(error: unknown): string {
  if (!(error instanceof Error)) return 'Something unexpected has happened: reload the page';
  if (!(error instanceof Problem)) return error.message;
  if (error.code === 'unauthenticated') {
    return input('token').value === ''
      ? 'The service asks for a token: enter it below the model'
      : 'The service does not accept this token';
  }
  if (error.code === 'not-implemented')
    return `${error.message}: try without maps, with lambda 1 or a window of 1`;
  return error.message;
}

function frameCount(count: number): string {
  return `${count} frame${count === 1 ? '' : 's'}`;
}

function duration(seconds: number): string {
  return seconds < 10 ? `${(1000 * seconds).toFixed(0)} ms` : `${seconds.toFixed(1)} s`;
}

function namesOf(files: readonly File[]): string {
  const [first, ...others] = files.map(({ name }) => name);
  return others.length === 0 ? `${first}` : `${first} and ${others.length} more`;
}

function rowOf(...texts: readonly string[]): HTMLTableRowElement {
  const row = document.createElement('tr');
  for (const text of texts) row.insertCell().textContent = text;
  return row;
}

function shortNumber(value: number): string {
  return Number.isInteger(value) ? String(value) : value.toPrecision(4);
}

function save(file: Blob, name: string): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(file);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

try {
  new Viewer();
} catch (error) {
  byId('hint').textContent = explain(error);
}
