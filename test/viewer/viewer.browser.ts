import type { ChildProcess } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readExr } from '../../src/exr/read-exr.js';
import { ExampleFrames } from './example-frames.js';
import { Probe } from './probe.js';
import { CHROMIUM, launch, MODELS, path, SHOTS, serve } from './support.js';

if (CHROMIUM === undefined) console.warn('SKIPPED: there is no chromium to test the viewer in');

/** One page: each test goes on where the one before it has ended. */
describe.skipIf(CHROMIUM === undefined)('the viewer in a browser', () => {
  let service: ChildProcess;
  let browser: Browser;
  let page: Page;
  let probe: Probe;
  let examples: ExampleFrames;
  let address = '';
  const troubles: string[] = [];

  beforeAll(async () => {
    mkdirSync(SHOTS, { recursive: true });
    examples = new ExampleFrames();
    [service, address] = await serve(MODELS);
    browser = await launch();
    page = await browser.newPage({ viewport: { width: 1280, height: 800 }, colorScheme: 'dark' });
    probe = new Probe(page);
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
    examples.remove();
  });

  it('opens a window of frames and shows what their channels are used as', async () => {
    await page.locator('#files').setInputFiles([3, 4, 5].map((number) => examples.frame(number)));
    await page.waitForFunction(() => document.getElementById('status')?.textContent?.startsWith('3 frames'));
    expect(await probe.text('frame-name')).toBe('frame.0004.exr (2 of 3)');
    const table = await probe.text('channels');
    expect(table).toMatch(/Renderer\s+cycles/);
    expect(table).toMatch(/ViewLayer\.Combined\.R\s+color, result/);
    expect(table).toMatch(/Denoising Albedo\.R\s+albedo/);
    expect(await page.locator('#layer option').allInnerTexts()).toContain('ViewLayer.Denoising Normal');
  });

  it('shows exactly the pixels of the file, tone-mapped', async () => {
    await page.selectOption('#curve', 'srgb');
    await page.locator('#canvas').focus();
    for (const key of ['0', '1', '+', '+', '+']) await page.keyboard.press(key);
    await probe.draw();
    const box = await probe.box();
    await page.mouse.move(box.x + 201, box.y + 301);
    const [place = '', noisy = ''] = (await probe.text('readout')).split('\n');
    const [x = 0, y = 0] = place.split(', ').map(Number);
    const planes = readExr(readFileSync(examples.frame(4))).parts[0]?.planes;
    const file = ['R', 'G', 'B'].map(
      (c) => planes?.get(`ViewLayer.Combined.${c}`)?.data[y * 160 + x] ?? Number.NaN,
    );
    expect(noisy.split(/\s+/).map(Number)).toEqual(file.map((value) => Number(value.toPrecision(4))));
    const gain = 2 ** Number(await page.inputValue('#exposure'));
    const encode = (value: number): number => {
      const v = Math.min(Math.max(value * gain, 0), 1);
      return 255 * (v <= 0.0031308 ? 12.92 * v : 1.055 * v ** (1 / 2.4) - 0.055);
    };
    const shown = await probe.pixel(201, 301);
    file.forEach((value, c) => {
      expect(Math.abs((shown[c] ?? 0) - encode(value))).toBeLessThan(1.5);
    });
    await page.keyboard.press('0');
  });

  it('denoises a frame with progress, and compares both with a split', async () => {
    await page.selectOption('#window', '3');
    expect(await probe.text('right-name')).toBe('not denoised yet');
    expect(await page.isVisible('#split')).toBe(false);
    await page.click('#denoise');
    // The model has no maps: they are left out, and that is told.
    await probe.told(/^Denoised 1 frame in [\d.]+ m?s; no maps: the model predicts none$/);
    expect(await page.isChecked('#maps')).toBe(false);
    expect(await probe.text('right-name')).toBe('denoised');
    expect(await page.isVisible('#progress')).toBe(false);
    expect(await probe.text('report')).toMatch(/kpcn@1 on cpu, 3 frames/);
    expect(await page.isVisible('#timings')).toBe(false);
    await page.click('#timings-all summary');
    expect(await probe.text('total')).toMatch(/^: [\d.]+ m?s$/);
    expect(await probe.text('timings')).toMatch(/network\s+[\d.]+ m?s/);
    await page.click('#timings-all summary');
    const { jobs } = (await (await fetch(`${address}/v1/jobs`)).json()) as { jobs: { state: string }[] };
    expect(jobs.filter(({ state }) => state === 'done')).toEqual([]);
    const handle = page.locator('#split');
    await handle.focus();
    await page.keyboard.press('Home');
    const denoised = await probe.pixel(400, 400);
    await page.keyboard.press('End');
    const noisy = await probe.pixel(400, 400);
    expect(await handle.getAttribute('aria-valuenow')).toBe('100');
    expect(noisy).not.toEqual(denoised);
    for (let i = 0; i < 25; i++) await page.keyboard.press('ArrowLeft');
    expect(await handle.getAttribute('aria-valuenow')).toBe('50');
    await page.screenshot({ path: `${SHOTS}/dark.png` });
  });

  it('moves the split, the picture and its size with the mouse', async () => {
    const stage = await probe.box();
    await probe.drag([stage.width / 2, 100], [stage.width / 4, 140]);
    expect(await page.locator('#split').getAttribute('aria-valuenow')).toBe('25');
    await probe.drag([stage.width / 4, 100], [stage.width / 2, 100]);
    /** The pixel of the file at a place of the screen. */
    const under = async (x: number, y: number): Promise<string> => {
      await page.mouse.move(stage.x + x, stage.y + y);
      return (await probe.text('readout')).split('\n')[0] ?? '';
    };
    const place = await under(300, 350);
    await probe.drag([300, 350], [330, 300]);
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
    const before = await probe.drawn();
    await page.locator('#keep').fill('90');
    await page.waitForFunction(() =>
      document.getElementById('lambda-note')?.textContent?.includes('pixels in'),
    );
    expect(await probe.text('right-name')).toBe('lambda 7.94, visible part');
    await probe.draw();
    expect(await probe.drawn()).not.toEqual(before);
    // What is read off is what is shown.
    const values = async (): Promise<string[]> => {
      const box = await probe.box();
      await page.mouse.move(box.x + 600, box.y + 500);
      await page.mouse.move(box.x + 601, box.y + 500);
      return (await probe.text('readout')).split('\n');
    };
    const [, noisy, part] = await values();
    await page.locator('#keep').fill('0');
    await page.waitForFunction(() => document.getElementById('right-name')?.textContent === 'denoised');
    await probe.draw();
    expect(await probe.drawn()).toEqual(before);
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
    expect(Number(await probe.text('legend-high'))).toBeGreaterThan(Number(await probe.text('legend-low')));
    await page.selectOption('#layer', 'flicker');
    await page.waitForFunction(() => document.getElementById('legend-high')?.textContent === '0.2000');
    // Nothing of the right side may look as if it did not flicker.
    expect(await probe.text('right-name')).toBe('the previous frame is not denoised yet');
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
    await probe.told(/^3 frames/);
    await page.locator('#canvas').focus();
    await page.keyboard.press('.');
    await page.waitForFunction(() => document.getElementById('frame-name')?.textContent?.includes('0005'));
    await page.keyboard.press('D');
    await probe.told(/^Denoising: \d of 3/);
    await page.keyboard.press('Escape');
    await page.waitForFunction(() => document.getElementById('status')?.textContent === 'Cancelled');
    const states = async (): Promise<string[]> => {
      const { jobs } = (await (await fetch(`${address}/v1/jobs`)).json()) as { jobs: { state: string }[] };
      return jobs.map(({ state }) => state);
    };
    await expect.poll(states, { timeout: 60_000 }).toContain('cancelled');
  });

  it('has had no errors', () => {
    expect(troubles).toEqual([]);
  });
});
