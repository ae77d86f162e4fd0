import type { ChildProcess } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readExr } from '../../src/exr/read-exr.js';
import { writeExr } from '../../src/exr/write-exr.js';
import type { Plane } from '../../src/image/image.js';
import { exrFile } from '../support/exr-files.js';
import { CHROMIUM, launch, path, serve } from './support.js';

const SHOTS = path('out/viewer');
/** A network of the newest format with random weights: it has windows and lambda. */
const MODELS = path('test/golden/tiny-bundle');
const FILES = join(tmpdir(), `quietframe-frames-${process.pid}`);
const half = (letter: string): string => join(FILES, `half_${letter}.0004.exr`);
const frame = (number: number): string => join(FILES, `frame.000${number}.exr`);

/** Cuts a small picture out of the middle of an example's file: all that is tested is the same, and takes a ninth. */
function cut(name: string): void {
  const parts = readExr(readFileSync(path(`examples/window/${name}`))).parts.map((part) => {
    const { xMin, xMax } = part.dataWindow;
    const window = { xMin: 160, yMin: 90, xMax: 319, yMax: 179 };
    const planes = [...part.planes].map(([channel, plane]): [string, Plane] => {
      const data = Float32Array.from({ length: 160 * 90 }, (_, i) => {
        const [x, y] = [window.xMin + (i % 160), window.yMin + Math.floor(i / 160)];
        return plane.data[y * (xMax - xMin + 1) + x] ?? Number.NaN;
      });
      return [channel, { ...plane, data }];
    });
    const box = { xMin: 0, yMin: 0, xMax: 159, yMax: 89 };
    return { ...part, dataWindow: box, displayWindow: box, planes: new Map(planes) };
  });
  writeFileSync(join(FILES, name), writeExr({ parts }));
}

if (CHROMIUM === undefined) console.warn('SKIPPED: there is no chromium to test the viewer in');

describe.skipIf(CHROMIUM === undefined)('the viewer in a browser', () => {
  let service: ChildProcess;
  let browser: Browser;
  let page: Page;
  let address = '';
  const troubles: string[] = [];

  beforeAll(async () => {
    mkdirSync(SHOTS, { recursive: true });
    mkdirSync(FILES, { recursive: true });
    for (const number of [3, 4, 5]) cut(`frame.000${number}.exr`);
    for (const letter of ['a', 'b']) cut(`half_${letter}.0004.exr`);
    [service, address] = await serve(MODELS);
    browser = await launch();
    page = await browser.newPage({ viewport: { width: 1280, height: 800 }, colorScheme: 'dark' });
    page.setDefaultTimeout(240_000);
    page.on('pageerror', (error) => troubles.push(error.message));
    page.on('console', (message) => {
      // A frame that the service does not have yet is asked for with 404.
      if (message.type() === 'error' && !message.text().includes('404')) troubles.push(message.text());
    });
    await page.goto(address);
  });

  afterAll(async () => {
    await browser?.close();
    service?.kill();
    rmSync(FILES, { recursive: true });
  });

  /** Colour of a pixel of the canvas in CSS pixels. */
  const pixel = (x: number, y: number): Promise<number[]> =>
    page.evaluate(
      ([px, py]) => {
        const canvas = document.querySelector('canvas') as HTMLCanvasElement;
        const gl = canvas.getContext('webgl2') as WebGL2RenderingContext;
        const bytes = new Uint8Array(4);
        gl.readPixels(px ?? 0, canvas.height - 1 - (py ?? 0), 1, 1, gl.RGBA, gl.UNSIGNED_BYTE, bytes);
        return [...bytes];
      },
      [x, y],
    );
  const text = (id: string): Promise<string> => page.locator(`#${id}`).innerText();
  /** Waits for a message to the user. */
  const told = (words: RegExp): Promise<unknown> =>
    page.waitForFunction(
      (source) =>
        ['status', 'toasts'].some((id) =>
          new RegExp(source).test(document.getElementById(id)?.innerText.replaceAll('\n', ' ') ?? ''),
        ),
      words.source,
      // Not with every frame of the screen, which takes long where many processes share a processor.
      { polling: 20 },
    );
  const draw = (): Promise<void> =>
    page.evaluate(() => new Promise<void>((done) => requestAnimationFrame(() => done())));

  /** All pixels of the canvas: another lambda of a network with random weights changes some of them by one level. */
  const drawn = (): Promise<string | undefined> =>
    page.evaluate(() => document.querySelector('canvas')?.toDataURL());

  it('opens a window of frames and shows what their channels are used as', async () => {
    await page.locator('#files').setInputFiles([3, 4, 5].map(frame));
    await page.waitForFunction(() => document.getElementById('status')?.textContent?.startsWith('3 frames'));
    expect(await text('frame-name')).toBe('frame.0004.exr (2 of 3)');
    const table = await text('channels');
    expect(table).toMatch(/Renderer\s+cycles/);
    expect(table).toMatch(/ViewLayer\.Combined\.R\s+color, result/);
    expect(table).toMatch(/Denoising Albedo\.R\s+albedo/);
    expect(await page.locator('#layer option').allInnerTexts()).toContain('ViewLayer.Denoising Normal');
  });

  it('shows exactly the pixels of the file, tone-mapped', async () => {
    await page.selectOption('#curve', 'srgb');
    await page.locator('#canvas').focus();
    for (const key of ['0', '1', '+', '+', '+']) await page.keyboard.press(key);
    await draw();
    const box = await page.locator('#canvas').boundingBox();
    await page.mouse.move((box?.x ?? 0) + 201, (box?.y ?? 0) + 301);
    const [place = '', noisy = ''] = (await text('readout')).split('\n');
    const [x = 0, y = 0] = place.split(', ').map(Number);
    const planes = readExr(readFileSync(frame(4))).parts[0]?.planes;
    const file = ['R', 'G', 'B'].map(
      (c) => planes?.get(`ViewLayer.Combined.${c}`)?.data[y * 160 + x] ?? Number.NaN,
    );
    expect(noisy.split(/\s+/).map(Number)).toEqual(file.map((value) => Number(value.toPrecision(4))));
    const gain = 2 ** Number(await page.inputValue('#exposure'));
    const encode = (value: number): number => {
      const v = Math.min(Math.max(value * gain, 0), 1);
      return 255 * (v <= 0.0031308 ? 12.92 * v : 1.055 * v ** (1 / 2.4) - 0.055);
    };
    const shown = await pixel(201, 301);
    file.forEach((value, c) => {
      expect(Math.abs((shown[c] ?? 0) - encode(value))).toBeLessThan(1.5);
    });
    await page.keyboard.press('0');
  });

  it('denoises a frame with progress, and compares both with a split', async () => {
    await page.selectOption('#window', '3');
    expect(await text('right-name')).toBe('not denoised yet');
    expect(await page.isVisible('#split')).toBe(false);
    await page.click('#denoise');
    // The model has no maps: they are left out, and that is told.
    await told(/^Denoised 1 frame in [\d.]+ m?s; no maps: the model predicts none$/);
    expect(await page.isChecked('#maps')).toBe(false);
    expect(await text('right-name')).toBe('denoised');
    expect(await page.isVisible('#progress')).toBe(false);
    expect(await text('report')).toMatch(/kpcn@1 on cpu, 3 frames/);
    expect(await page.isVisible('#timings')).toBe(false);
    await page.click('#timings-all summary');
    expect(await text('total')).toMatch(/^: [\d.]+ m?s$/);
    expect(await text('timings')).toMatch(/network\s+[\d.]+ m?s/);
    await page.click('#timings-all summary');
    const { jobs } = (await (await fetch(`${address}/v1/jobs`)).json()) as { jobs: { state: string }[] };
    expect(jobs.filter(({ state }) => state === 'done')).toEqual([]);
    const handle = page.locator('#split');
    await handle.focus();
    await page.keyboard.press('Home');
    const denoised = await pixel(400, 400);
    await page.keyboard.press('End');
    const noisy = await pixel(400, 400);
    expect(await handle.getAttribute('aria-valuenow')).toBe('100');
    expect(noisy).not.toEqual(denoised);
    for (let i = 0; i < 25; i++) await page.keyboard.press('ArrowLeft');
    expect(await handle.getAttribute('aria-valuenow')).toBe('50');
    await page.screenshot({ path: `${SHOTS}/dark.png` });
  });

  it('moves the split, the picture and its size with the mouse', async () => {
    const stage = (await page.locator('#canvas').boundingBox()) ?? { x: 0, y: 0, width: 0, height: 0 };
    const drag = async (from: [number, number], to: [number, number]): Promise<void> => {
      await page.mouse.move(stage.x + from[0], stage.y + from[1]);
      await page.mouse.down();
      await page.mouse.move(stage.x + to[0], stage.y + to[1], { steps: 4 });
      await page.mouse.up();
    };
    await drag([stage.width / 2, 100], [stage.width / 4, 140]);
    expect(await page.locator('#split').getAttribute('aria-valuenow')).toBe('25');
    await drag([stage.width / 4, 100], [stage.width / 2, 100]);
    /** The pixel of the file at a place of the screen. */
    const under = async (x: number, y: number): Promise<string> => {
      await page.mouse.move(stage.x + x, stage.y + y);
      return (await text('readout')).split('\n')[0] ?? '';
    };
    const place = await under(300, 350);
    await drag([300, 350], [330, 300]);
    expect(await under(330, 300)).toBe(place);
    await page.mouse.wheel(0, -480);
    expect(await under(330, 300)).toBe(place);
    expect(await under(331, 300)).toBe(place);
    await page.keyboard.press('0');
  });

  it('blinks between both, with the name of the one that is shown, and splits again as before', async () => {
    const shown = (id: string) => page.waitForSelector(`#${id}`, { state: 'visible' });
    await page.click('#blink');
    await page.waitForSelector('#split', { state: 'hidden' });
    for (const [one, other] of [
      ['left-name', 'right-name'],
      ['right-name', 'left-name'],
    ] as const) {
      await page.waitForFunction(
        ([a, b]) =>
          document.getElementById(a)?.hidden === false && document.getElementById(b)?.hidden === true,
        [one, other] as const,
      );
    }
    await page.click('#blink');
    await Promise.all(['split', 'left-name', 'right-name'].map(shown));
    expect(await page.locator('#split').getAttribute('aria-valuenow')).toBe('50');
  });

  it('fits the window, and has nothing that axe finds hard to read or to reach', async () => {
    const size = await page.evaluate(() => {
      const { scrollHeight, scrollWidth } = document.documentElement;
      return [scrollWidth, scrollHeight, innerWidth, innerHeight];
    });
    expect(size).toEqual([1280, 800, 1280, 800]);
    // Evaluated, not added as a script: the page's policy allows none.
    await page.evaluate(readFileSync(path('node_modules/axe-core/axe.min.js'), 'utf8'));
    for (const theme of ['light', 'dark']) {
      await page.selectOption('#theme', theme);
      const violations = await page.evaluate(async () => {
        const { axe } = globalThis as unknown as {
          axe: { run(): Promise<{ violations: { id: string }[] }> };
        };
        return (await axe.run()).violations.map(({ id }) => id);
      });
      expect(violations).toEqual([]);
    }
    await page.selectOption('#theme', '');
  });

  it('renders what is visible anew when lambda changes', async () => {
    const before = await drawn();
    await page.locator('#keep').fill('90');
    await page.waitForFunction(() =>
      document.getElementById('lambda-note')?.textContent?.includes('pixels in'),
    );
    expect(await text('right-name')).toBe('lambda 7.94, visible part');
    await draw();
    expect(await drawn()).not.toEqual(before);
    // What is read off is what is shown.
    const values = async (): Promise<string[]> => {
      const box = await page.locator('#canvas').boundingBox();
      await page.mouse.move((box?.x ?? 0) + 600, (box?.y ?? 0) + 500);
      await page.mouse.move((box?.x ?? 0) + 601, (box?.y ?? 0) + 500);
      return (await text('readout')).split('\n');
    };
    const [, noisy, part] = await values();
    await page.locator('#keep').fill('0');
    await page.waitForFunction(() => document.getElementById('right-name')?.textContent === 'denoised');
    await draw();
    expect(await drawn()).toEqual(before);
    const [, same, whole] = await values();
    expect(same).toBe(noisy);
    expect(whole).toMatch(/^denoised/);
    expect(whole).not.toBe(part);
  });

  it('saves the file and a picture', async () => {
    const [exr] = await Promise.all([page.waitForEvent('download'), page.click('#save-exr')]);
    expect(exr.suggestedFilename()).toBe('frame.0004.denoised.exr');
    const saved = readExr(readFileSync(await exr.path()));
    expect(saved.parts[0]?.attributes.has('quietframe:model')).toBe(true);
    const [png] = await Promise.all([page.waitForEvent('download'), page.click('#save-png')]);
    expect(
      readFileSync(await png.path())
        .subarray(1, 4)
        .toString(),
    ).toBe('PNG');
  });

  it('shows layers in false color with a legend, flicker, and light colours', async () => {
    await page.selectOption('#layer', { label: 'ViewLayer.Denoising Depth.Z' });
    await page.waitForSelector('#legend:not([hidden])');
    expect(Number(await text('legend-high'))).toBeGreaterThan(Number(await text('legend-low')));
    await page.selectOption('#layer', 'flicker');
    await page.waitForFunction(() => document.getElementById('legend-high')?.textContent === '0.2000');
    // Nothing of the right side may look as if it did not flicker.
    expect(await text('right-name')).toBe('the previous frame is not denoised yet');
    expect(await page.isVisible('#split')).toBe(false);
    await page.selectOption('#theme', 'light');
    await page.screenshot({ path: `${SHOTS}/light-flicker.png` });
    await page.selectOption('#layer', '');
    await page.waitForSelector('#legend', { state: 'hidden' });
    await page.screenshot({ path: `${SHOTS}/light.png` });
  });

  it('cancels, and goes through the frames with the keyboard', async () => {
    // Whole frames: there has to be time to cancel.
    await page
      .locator('#files')
      .setInputFiles([3, 4, 5].map((n) => path(`examples/window/frame.000${n}.exr`)));
    await told(/^3 frames/);
    await page.locator('#canvas').focus();
    await page.keyboard.press('.');
    await page.waitForFunction(() => document.getElementById('frame-name')?.textContent?.includes('0005'));
    await page.keyboard.press('D');
    await told(/^Denoising: \d of 3/);
    await page.keyboard.press('Escape');
    await page.waitForFunction(() => document.getElementById('status')?.textContent === 'Cancelled');
    const states = async (): Promise<string[]> => {
      const { jobs } = (await (await fetch(`${address}/v1/jobs`)).json()) as { jobs: { state: string }[] };
      return jobs.map(({ state }) => state);
    };
    await expect.poll(states, { timeout: 60_000 }).toContain('cancelled');
  });

  it('shows predicted errors and samples of the model that ships, from half buffers', async () => {
    const [shipped, where] = await serve(path('models'));
    try {
      await page.goto(where);
      await page.locator('#files').setInputFiles([frame(4), half('a'), half('b')]);
      await page.waitForFunction(
        () => document.getElementById('status')?.textContent === '1 frame, with half buffers',
      );
      await page.click('#denoise');
      await page.waitForFunction(() => document.getElementById('right-name')?.textContent === 'denoised');
      expect(await text('report')).toMatch(/SMAPE 0\.\d{4}/);
      await page.screenshot({ path: `${SHOTS}/shipped.png` });
      const spp = await page.locator('#layer option', { hasText: 'samples.spp' }).getAttribute('value');
      for (const name of [spp ?? '', spp?.replace('samples.spp', 'error.SMAPE') ?? '']) {
        await page.selectOption('#layer', name);
        await page.waitForFunction(
          (label) => document.getElementById('legend-name')?.textContent === label,
          name,
        );
        expect(await text('left-name')).toBe('predicted');
        expect(await page.isVisible('#right-name')).toBe(false);
        expect(Number(await text('legend-high'))).toBeGreaterThan(Number(await text('legend-low')));
      }
      await page.screenshot({ path: `${SHOTS}/error.png` });
    } finally {
      shipped.kill();
    }
  });

  it('renders the visible part of a file whose data window begins elsewhere', async () => {
    await page.goto(address);
    const window = { xMin: -7, yMin: 12, xMax: 88, yMax: 75 };
    const noise = (_: string, i: number): number => 0.3 + 0.3 * Math.sin(12.9898 * i * i);
    const buffer = Buffer.from(exrFile([{ layers: ['RGB'], window }], noise));
    await page.locator('#files').setInputFiles({ name: 'offset.exr', mimeType: '', buffer });
    await page.uncheck('#maps');
    await page.selectOption('#window', '1');
    await page.click('#denoise');
    await told(/^Denoised 1 frame/);
    await page.locator('#split').focus();
    await page.keyboard.press('Home');
    await page.locator('#canvas').focus();
    // Magnified, so that a part of the picture is visible.
    for (const key of ['+', '+', '+']) await page.keyboard.press(key);
    await page.locator('#keep').fill('90');
    await page.waitForFunction(() =>
      document.getElementById('right-name')?.textContent?.endsWith('visible part'),
    );
    const [, width = 0, height = 0] = (/(\d+) x (\d+)/.exec(await text('lambda-note')) ?? []).map(Number);
    expect(width * height).toBeLessThan(96 * 64);
    await draw();
    const places = [300, 400, 500].map((x) => [x, x - 50] as const);
    const part = await Promise.all(places.map(([x, y]) => pixel(x, y)));
    await page.click('#denoise');
    await page.waitForFunction(() => document.getElementById('report')?.textContent?.includes('lambda 7.94'));
    await draw();
    expect(await Promise.all(places.map(([x, y]) => pixel(x, y)))).toEqual(part);
    await page.locator('#keep').fill('0');
  });

  it('plays a shot, and stops', async () => {
    await page.goto(address);
    await page.locator('#files').setInputFiles([3, 4, 5].map(frame));
    await page.waitForFunction(() => document.getElementById('status')?.textContent?.startsWith('3 frames'));
    await page.locator('#canvas').focus();
    await page.keyboard.press(' ');
    expect(await page.locator('#play').getAttribute('aria-pressed')).toBe('true');
    for (const number of ['0005', '0003', '0004']) {
      await page.waitForFunction(
        (wanted) => document.getElementById('frame-name')?.textContent?.includes(wanted),
        number,
        { polling: 20 },
      );
    }
    await page.keyboard.press(' ');
    expect(await page.locator('#play').getAttribute('aria-pressed')).toBe('false');
    const at = Number(await page.locator('#frame').inputValue());
    await page.keyboard.press('.');
    await page.waitForFunction(
      (index) => (document.getElementById('frame') as HTMLInputElement).value === String(index),
      (at + 1) % 3,
    );
  });

  it('asks for a token where the service does, and works with it', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'quietframe-viewer-'));
    const [token, file] = [randomBytes(32).toString('hex'), join(folder, 'tokens.json')];
    const sha256 = createHash('sha256').update(token).digest('hex');
    writeFileSync(file, JSON.stringify({ tokens: [{ name: 'viewer', sha256 }] }));
    const [closed, where] = await serve(MODELS, '--tokens', file);
    const own = await browser.newPage();
    try {
      own.setDefaultTimeout(240_000);
      await own.goto(where);
      await own.waitForSelector('.toast');
      expect(await own.locator('#toasts').innerText()).toContain('asks for a token');
      expect(await own.locator('#model option').count()).toBe(0);
      await own.locator('#token').fill('0'.repeat(64));
      await own.locator('#token').press('Tab');
      await own.waitForFunction(() =>
        document.getElementById('toasts')?.textContent?.includes('does not accept this token'),
      );
      await own.locator('#token').fill(token);
      await own.locator('#token').press('Tab');
      await own.waitForSelector('#model option', { state: 'attached' });
      expect(await own.locator('#status').innerText()).toBe('The service answers');
      const buffer = Buffer.from(exrFile([{ layers: ['RGB'] }], (_, i) => i / 100));
      await own.locator('#files').setInputFiles({ name: 'small.exr', mimeType: '', buffer });
      await own.uncheck('#maps');
      await own.click('#denoise');
      await own.waitForFunction(() => document.getElementById('right-name')?.textContent === 'denoised');
    } finally {
      await own.close();
      closed.kill();
      rmSync(folder, { recursive: true });
    }
  });

  it('tells when the service has gone, and goes on when it is back', async () => {
    const [mortal, where] = await serve(MODELS);
    const own = await browser.newPage();
    own.setDefaultTimeout(240_000);
    const says = (words: string) =>
      own.waitForFunction(
        (part) => ['status', 'toasts'].some((id) => document.getElementById(id)?.textContent?.includes(part)),
        words,
      );
    let next: ChildProcess | undefined;
    try {
      await own.goto(where);
      await own.locator('#files').setInputFiles([3, 4, 5].map(frame));
      await says('3 frames');
      await own.uncheck('#maps');
      await own.click('#denoise-all');
      await says('Denoising');
      mortal.kill('SIGKILL');
      await says('does not answer');
      expect(await own.isEnabled('#denoise')).toBe(true);
      expect(await own.isDisabled('#cancel')).toBe(true);
      await own.click('#denoise');
      await says('does not answer');
      [next] = await serve(MODELS, '--port', new URL(where).port);
      await own.selectOption('#window', '1');
      await own.click('#denoise');
      await says('Denoised 1 frame');
    } finally {
      await own.close();
      mortal.kill();
      next?.kill();
    }
  });

  it('joins the borders of a picture where that is chosen', async () => {
    const own = await browser.newPage();
    own.setDefaultTimeout(240_000);
    const report = (): Promise<string> => own.locator('#report').innerText();
    const denoise = async (wrap: string): Promise<string> => {
      await own.selectOption('#wrap', wrap);
      const before = await report();
      await own.click('#denoise');
      await own.waitForFunction((old) => document.getElementById('report')?.textContent !== old, before);
      return report();
    };
    try {
      await own.goto(address);
      await own.locator('#files').setInputFiles(frame(4));
      await own.waitForFunction(() => !(document.getElementById('denoise') as HTMLButtonElement).disabled);
      await own.uncheck('#maps');
      await own.selectOption('#window', '1');
      expect(await denoise('x')).toContain('borders joined');
      expect(await denoise('none')).not.toContain('borders joined');
    } finally {
      await own.close();
    }
  });

  it('takes files that are dropped, says what is wrong with others, and keeps what is open', async () => {
    const file = Buffer.from(exrFile([{ layers: ['RGB'] }], (_, i) => i / 100)).toString('base64');
    const drop = (...names: readonly string[]): Promise<void> =>
      page.evaluate(
        ([content = '', ...files]) => {
          const data = new DataTransfer();
          const bytes = Uint8Array.from(atob(content), (c) => c.charCodeAt(0));
          for (const name of files) data.items.add(new File([name.startsWith('good') ? bytes : name], name));
          document
            .getElementById('canvas')
            ?.dispatchEvent(new DragEvent('drop', { dataTransfer: data, bubbles: true, cancelable: true }));
        },
        [file, ...names],
      );
    await drop('good.1.exr', 'good.2.exr', 'notes.txt');
    await told(/^2 frames; not used: notes.txt$/);
    await drop('albedo.exr');
    await told(/^albedo.exr is not an OpenEXR file, or it is damaged .*Expected .* OpenEXR/);
    expect(await text('status')).toBe('');
    await drop('notes.txt', 'more.txt');
    await told(/^notes.txt and 1 more: no frame to show/);
    expect(await text('frame-name')).toBe('good.2.exr (2 of 2)');
    await drop('good.exr', 'good albedo.exr');
    await told(/^2 frames; some have the same frame number, or none/);
    // A file of the window that is damaged is named.
    await drop('bad.1.exr', 'good.2.exr', 'good.3.exr');
    await told(/^3 frames$/);
    await page.selectOption('#window', '3');
    await page.click('#denoise');
    await told(/^bad.1.exr is not an OpenEXR file/);
    // The same file again, as after another render.
    const chosen = { name: 'good.exr', mimeType: '', buffer: Buffer.from(file, 'base64') };
    for (const count of [1, 2]) {
      await page.locator('#files').setInputFiles(chosen);
      await told(/^1 frame$/);
      if (count === 1) await drop('notes.txt');
      if (count === 1) await told(/no frame to show/);
    }
    expect(await text('status')).toBe('1 frame');
  });

  it('says so in browsers without WebGL 2', async () => {
    const own = await browser.newPage();
    await own.addInitScript(() => {
      HTMLCanvasElement.prototype.getContext = () => null;
    });
    await own.goto(address);
    await own.waitForFunction(() => document.getElementById('hint')?.textContent?.includes('no WebGL 2'));
    await own.close();
  });

  it('has had no errors', () => {
    expect(troubles).toEqual([]);
  });
});
