import type { ChildProcess } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { exrFile } from '../support/exr-files.js';
import { ExampleFrames } from './example-frames.js';
import { Probe } from './probe.js';
import { CHROMIUM, launch, path, SHOTS, serve } from './support.js';

describe.skipIf(CHROMIUM === undefined)('the viewer with the models that ship', () => {
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
    [service, address] = await serve(path('models'));
    browser = await launch();
  });

  beforeEach(async () => {
    await page?.close();
    page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
    probe = new Probe(page);
    page.setDefaultTimeout(240_000);
    page.on('pageerror', (error) => troubles.push(error.message));
    await page.goto(address);
  });

  afterAll(async () => {
    await browser?.close();
    service?.kill();
    examples.remove();
    expect(troubles).toEqual([]);
  });

  /** Opens frame 4 of the example and starts a job that the service does not get before the function that is returned is called. */
  const denoiseLater = async (): Promise<() => void> => {
    let send = (): void => {};
    const wanted = new Promise<void>((resolve) => {
      send = resolve;
    });
    await page.route('**/v1/jobs', async (route) => {
      await wanted;
      await route.continue();
    });
    await page.locator('#files').setInputFiles(examples.frame(4));
    await probe.says('status', /^1 frame$/);
    await page.selectOption('#window', '1');
    await page.click('#denoise');
    return send;
  };

  it('shows a quick preview, named as one, until the result is there', async () => {
    const send = await denoiseLater();
    const noisy = await probe.drawn();
    await probe.says('right-name', /^quick preview, denoising \.\.\.$/);
    await probe.draw();
    const preview = await probe.drawn();
    expect(preview).not.toBe(noisy);
    expect(await page.isVisible('#split')).toBe(true);
    expect(await page.isDisabled('#save-exr')).toBe(true);
    await page.screenshot({ path: `${SHOTS}/preview.png` });
    send();
    await probe.told(/^Denoised 1 frame/);
    expect(await probe.text('right-name')).toBe('denoised');
    await probe.draw();
    expect(await probe.drawn()).not.toBe(preview);
    // Another lambda: the earlier result is a better preview.
    const requests: string[] = [];
    page.on('request', (request) => requests.push(request.postData() ?? ''));
    await page.click('#denoise');
    await probe.told(/^Denoised 1 frame/);
    expect(requests.filter((body) => body.includes('pkn@'))).toEqual([]);
  });

  it('fills the preview with tiles while the frame is denoised', async () => {
    // The last event before the result would be too quick to look at.
    let release = (): void => {};
    const looked = new Promise<void>((resolve) => {
      release = resolve;
    });
    // The left quarter is done. The service itself may be done before it is asked.
    const window = { xMin: 0, yMin: 0, xMax: 159, yMax: 89 };
    const tiles = exrFile([{ layers: ['RGBA'], window }], (channel, i) =>
      channel === 'A' ? Number(i % 160 < 40) : 0.5,
    );
    await page.route('**/v1/jobs/*/partials/0', (route) =>
      route.fulfill({ contentType: 'image/x-exr', body: Buffer.from(tiles) }),
    );
    await page.route('**/v1/jobs/*/results/0', async (route) => {
      await looked;
      await route.continue();
    });
    const send = await denoiseLater();
    send();
    await probe.says('right-name', /^denoising, 25 % of the picture$/);
    await probe.draw();
    await page.screenshot({ path: `${SHOTS}/tiles.png` });
    release();
    await probe.told(/^Denoised 1 frame/);
    expect(await probe.text('right-name')).toBe('denoised');
  });

  it('removes the preview when the work on the result is cancelled', async () => {
    const send = await denoiseLater();
    await probe.says('right-name', /^quick preview/);
    await page.keyboard.press('Escape');
    await probe.told(/^Cancelled$/);
    expect(await probe.text('right-name')).toBe('not denoised yet');
    send();
  });

  it('shows predicted errors and samples of the model that ships, from half buffers', async () => {
    await page.locator('#files').setInputFiles([examples.frame(4), examples.half('a'), examples.half('b')]);
    await page.waitForFunction(
      () => document.getElementById('status')?.textContent === '1 frame, with half buffers',
    );
    await page.click('#denoise');
    await page.waitForFunction(() => document.getElementById('right-name')?.textContent === 'denoised');
    expect(await probe.text('report')).toMatch(/SMAPE 0\.\d{4}/);
    await page.screenshot({ path: `${SHOTS}/shipped.png` });
    const spp = await page.locator('#layer option', { hasText: 'samples.spp' }).getAttribute('value');
    for (const name of [spp ?? '', spp?.replace('samples.spp', 'error.SMAPE') ?? '']) {
      await page.selectOption('#layer', name);
      await page.waitForFunction(
        (label) => document.getElementById('legend-name')?.textContent === label,
        name,
      );
      expect(await probe.text('left-name')).toBe('predicted');
      expect(await page.isVisible('#right-name')).toBe(false);
      expect(Number(await probe.text('legend-high'))).toBeGreaterThan(Number(await probe.text('legend-low')));
    }
    await page.screenshot({ path: `${SHOTS}/error.png` });
  });
});
