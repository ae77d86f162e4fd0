import type { ChildProcess } from 'node:child_process';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { exrFile } from '../support/exr-files.js';
import { ExampleFrames } from './example-frames.js';
import { Probe } from './probe.js';
import { CHROMIUM, launch, MODELS, serve } from './support.js';

describe.skipIf(CHROMIUM === undefined)('files in the viewer', () => {
  let service: ChildProcess;
  let browser: Browser;
  let page: Page;
  let probe: Probe;
  let examples: ExampleFrames;
  let address = '';
  const troubles: string[] = [];

  beforeAll(async () => {
    examples = new ExampleFrames();
    [service, address] = await serve(MODELS);
    browser = await launch();
  });

  beforeEach(async () => {
    await page?.close();
    page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
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
    expect(troubles).toEqual([]);
  });

  it('renders the visible part of a file whose data window begins elsewhere', async () => {
    const window = { xMin: -7, yMin: 12, xMax: 88, yMax: 75 };
    const noise = (_: string, i: number): number => 0.3 + 0.3 * Math.sin(12.9898 * i * i);
    const buffer = Buffer.from(exrFile([{ layers: ['RGB'], window }], noise));
    await page.locator('#files').setInputFiles({ name: 'offset.exr', mimeType: '', buffer });
    await page.uncheck('#maps');
    await page.selectOption('#window', '1');
    await page.click('#denoise');
    await probe.told(/^Denoised 1 frame/);
    await page.locator('#split').focus();
    await page.keyboard.press('Home');
    await page.locator('#canvas').focus();
    // Magnified, so that a part of the picture is visible.
    for (const key of ['+', '+', '+']) await page.keyboard.press(key);
    await page.locator('#keep').fill('90');
    await page.waitForFunction(() =>
      document.getElementById('right-name')?.textContent?.endsWith('visible part'),
    );
    const [, width = 0, height = 0] = (/(\d+) x (\d+)/.exec(await probe.text('lambda-note')) ?? []).map(
      Number,
    );
    expect(width * height).toBeLessThan(96 * 64);
    await probe.draw();
    const places = [300, 400, 500].map((x) => [x, x - 50] as const);
    const part = await Promise.all(places.map(([x, y]) => probe.pixel(x, y)));
    await page.click('#denoise');
    await page.waitForFunction(() => document.getElementById('report')?.textContent?.includes('lambda 7.94'));
    await probe.draw();
    expect(await Promise.all(places.map(([x, y]) => probe.pixel(x, y)))).toEqual(part);
    await page.locator('#keep').fill('0');
  });

  it('plays a shot, and stops', async () => {
    await page.locator('#files').setInputFiles([3, 4, 5].map((number) => examples.frame(number)));
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
    await probe.told(/^2 frames; not used: notes.txt$/);
    await drop('albedo.exr');
    await probe.told(/^albedo.exr is not an OpenEXR file, or it is damaged .*Expected .* OpenEXR/);
    expect(await probe.text('status')).toBe('');
    await drop('notes.txt', 'more.txt');
    await probe.told(/^notes.txt and 1 more: no frame to show/);
    expect(await probe.text('frame-name')).toBe('good.2.exr (2 of 2)');
    await drop('good.exr', 'good albedo.exr');
    await probe.told(/^2 frames; some have the same frame number, or none/);
    // A file of the window that is damaged is named.
    await drop('bad.1.exr', 'good.2.exr', 'good.3.exr');
    await probe.told(/^3 frames$/);
    await page.selectOption('#window', '3');
    await page.click('#denoise');
    await probe.told(/^bad.1.exr is not an OpenEXR file/);
    // The same file again, as after another render.
    const chosen = { name: 'good.exr', mimeType: '', buffer: Buffer.from(file, 'base64') };
    for (const count of [1, 2]) {
      await page.locator('#files').setInputFiles(chosen);
      await probe.told(/^1 frame$/);
      if (count === 1) await drop('notes.txt');
      if (count === 1) await probe.told(/no frame to show/);
    }
    expect(await probe.text('status')).toBe('1 frame');
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
});
