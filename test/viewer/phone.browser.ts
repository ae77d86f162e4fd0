import type { ChildProcess } from 'node:child_process';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { exrFile } from '../support/exr-files.js';
import { Probe } from './probe.js';
import { CHROMIUM, launch, MODELS, serve } from './support.js';

describe.skipIf(CHROMIUM === undefined)('the viewer on a phone', () => {
  let service: ChildProcess;
  let browser: Browser;
  let address = '';
  const troubles: string[] = [];

  beforeAll(async () => {
    [service, address] = await serve(MODELS);
    browser = await launch();
  });

  afterAll(async () => {
    await browser?.close();
    service?.kill();
  });

  it('is readable on a phone, and zooms with two fingers', async () => {
    const context = await browser.newContext({
      viewport: { width: 390, height: 844 },
      hasTouch: true,
      isMobile: true,
    });
    const page = await context.newPage();
    const probe = new Probe(page);
    page.on('pageerror', (error) => troubles.push(error.message));
    await page.goto(address);
    const window = { xMin: 0, yMin: 0, xMax: 47, yMax: 31 };
    const buffer = Buffer.from(exrFile([{ layers: ['RGB'], window }], (_, i) => (i % 48) / 48));
    await page.locator('#files').setInputFiles({ name: 'a.exr', mimeType: '', buffer });
    await probe.says('status', /^1 frame/);
    const wide = await page.evaluate(() => document.documentElement.scrollWidth);
    expect(wide).toBe(390);
    expect((await page.locator('#denoise').boundingBox())?.height).toBeGreaterThanOrEqual(40);
    // The buttons stand above the bar of facts, however many lines that has.
    const [buttons, info] = await Promise.all([
      page.locator('#zoom').boundingBox(),
      page.locator('#info').boundingBox(),
    ]);
    expect((buttons?.y ?? 0) + (buttons?.height ?? 0)).toBeLessThanOrEqual(info?.y ?? 0);
    const zoom = async (): Promise<number> => Number.parseInt(await probe.text('info-zoom'), 10);
    const before = await zoom();
    const { x, y, width, height } = await probe.box();
    const [middleX, middleY] = [x + width / 2, y + height / 2];
    const client = await context.newCDPSession(page);
    const touch = (type: 'touchStart' | 'touchMove' | 'touchEnd', apart: number) =>
      client.send('Input.dispatchTouchEvent', {
        type,
        touchPoints:
          type === 'touchEnd'
            ? []
            : [
                { x: middleX - apart, y: middleY, id: 0 },
                { x: middleX + apart, y: middleY, id: 1 },
              ],
      });
    await touch('touchStart', 30);
    for (const apart of [40, 50, 60]) await touch('touchMove', apart);
    await touch('touchEnd', 0);
    expect((await zoom()) / before).toBeCloseTo(2, 1);
    expect(troubles).toEqual([]);
  });
});
