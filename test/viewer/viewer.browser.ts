import { type ChildProcess, spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readExr } from '../../src/exr/read-exr.js';
import { exrFile } from '../frame/support.js';

const path = (name: string): string => fileURLToPath(new URL(`../../${name}`, import.meta.url));
const CHROMIUM = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(
  existsSync,
);
const SHOTS = path('out/viewer');
/** A network of the newest format with random weights: it has windows and lambda. */
const MODELS = path('test/golden/tiny-bundle');
const frame = (number: number): string => path(`examples/window/frame.000${number}.exr`);

/** A service of its own process, and its address. */
async function serve(models: string, ...more: readonly string[]): Promise<[ChildProcess, string]> {
  const settings = ['--port', '0', '--models', models, '--threads', '2', '--log', 'error', ...more];
  const service = spawn(process.execPath, [path('dist/cli/main.js'), 'serve', ...settings], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const address = await new Promise<string>((resolve, reject) => {
    service.once('exit', (code) => reject(new Error(`The service ended with ${code}`)));
    service.stdout?.on('data', (text: Buffer) => {
      const found = /http:\/\/\S+/.exec(text.toString())?.[0];
      if (found !== undefined) resolve(found);
    });
  });
  return [service, address];
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
    [service, address] = await serve(MODELS);
    browser = await chromium.launch({
      executablePath: CHROMIUM ?? '',
      args: ['--no-sandbox', '--use-angle=swiftshader', '--enable-unsafe-swiftshader'],
    });
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
  const draw = (): Promise<void> =>
    page.evaluate(() => new Promise<void>((done) => requestAnimationFrame(() => done())));

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
      (c) => planes?.get(`ViewLayer.Combined.${c}`)?.data[y * 480 + x] ?? Number.NaN,
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
    await page.selectOption('#curve', 'filmic');
    await page.keyboard.press('0');
  });

  it('denoises a frame with progress, and compares both with a split', async () => {
    await page.click('#denoise');
    await page.waitForSelector('#status.problem');
    expect(await text('status')).toMatch(/a model that predicts errors.*try without maps/);
    await page.uncheck('#maps');
    await page.selectOption('#window', '3');
    await page.click('#denoise');
    await page.waitForFunction(() => document.getElementById('right-name')?.textContent === 'denoised');
    await page.waitForFunction(() => document.getElementById('status')?.textContent?.startsWith('done'));
    expect(await page.locator('#progress').getAttribute('value')).toBe('1');
    expect(await text('report')).toMatch(/kpcn@1 on cpu, 3 frames/);
    expect(await text('timings')).toMatch(/network\s+\d+ ms/);
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

  it('renders what is visible anew when lambda changes', async () => {
    const before = await pixel(700, 400);
    await page.locator('#lambda').fill('8');
    await page.waitForFunction(() =>
      document.getElementById('lambda-note')?.textContent?.includes('pixels in'),
    );
    expect(await text('right-name')).toBe('lambda 8, visible part');
    await draw();
    expect(await pixel(700, 400)).not.toEqual(before);
    await page.locator('#lambda').fill('1');
    await page.waitForFunction(() => document.getElementById('right-name')?.textContent === 'denoised');
    await draw();
    expect(await pixel(700, 400)).toEqual(before);
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

  it('shows layers in false colour with a legend, flicker, and light colours', async () => {
    await page.selectOption('#layer', { label: 'ViewLayer.Denoising Depth.Z' });
    await page.waitForSelector('#legend:not([hidden])');
    expect(Number(await text('legend-high'))).toBeGreaterThan(Number(await text('legend-low')));
    await page.selectOption('#layer', 'flicker');
    await page.waitForFunction(() => document.getElementById('legend-high')?.textContent === '0.2000');
    await page.selectOption('#theme', 'light');
    await page.screenshot({ path: `${SHOTS}/light-flicker.png` });
    await page.selectOption('#layer', '');
    await page.waitForSelector('#legend', { state: 'hidden' });
    await page.screenshot({ path: `${SHOTS}/light.png` });
  });

  it('cancels, and goes through the frames with the keyboard', async () => {
    await page.locator('#canvas').focus();
    await page.keyboard.press('.');
    await page.waitForFunction(() => document.getElementById('frame-name')?.textContent?.includes('0005'));
    await page.keyboard.press('D');
    await page.waitForFunction(() => document.getElementById('status')?.textContent?.startsWith('running'));
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
      const halves = ['half_a', 'half_b'].map((name) => path(`examples/window/${name}.0004.exr`));
      await page.locator('#files').setInputFiles([frame(4), ...halves]);
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
    await page.waitForFunction(() => document.getElementById('right-name')?.textContent === 'denoised');
    await page.waitForFunction(() => document.getElementById('status')?.textContent?.startsWith('done'));
    await page.locator('#split').focus();
    await page.keyboard.press('Home');
    await page.locator('#canvas').focus();
    // Magnified, so that a part of the picture is visible.
    for (const key of ['+', '+', '+']) await page.keyboard.press(key);
    await page.locator('#lambda').fill('8');
    await page.waitForFunction(() =>
      document.getElementById('right-name')?.textContent?.startsWith('lambda 8'),
    );
    const [, width = 0, height = 0] = (/(\d+) x (\d+)/.exec(await text('lambda-note')) ?? []).map(Number);
    expect(width * height).toBeLessThan(96 * 64);
    await draw();
    const places = [300, 400, 500].map((x) => [x, x - 50] as const);
    const part = await Promise.all(places.map(([x, y]) => pixel(x, y)));
    await page.click('#denoise');
    await page.waitForFunction(() => document.getElementById('report')?.textContent?.includes('lambda 8'));
    await draw();
    expect(await Promise.all(places.map(([x, y]) => pixel(x, y)))).toEqual(part);
    await page.locator('#lambda').fill('1');
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
      await own.waitForSelector('#status.problem');
      expect(await own.locator('#status').innerText()).toContain('token');
      expect(await own.locator('#model option').count()).toBe(0);
      await own.locator('#token').fill(token);
      await own.locator('#token').press('Tab');
      await own.waitForSelector('#model option', { state: 'attached' });
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

  it('refuses damaged files in words, and has had no errors', async () => {
    await page
      .locator('#files')
      .setInputFiles({ name: 'bad.exr', mimeType: '', buffer: Buffer.from('nothing') });
    await page.waitForSelector('#status.problem');
    expect(await text('status')).toMatch(/Expected/);
    expect(troubles).toEqual([]);
  });
});
