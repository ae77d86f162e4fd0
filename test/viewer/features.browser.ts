import type { ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { unzipSync } from 'fflate';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { readExr } from '../../src/exr/read-exr.js';
import { exrFile } from '../support/exr-files.js';
import { CHROMIUM, launch, path, serve } from './support.js';

const WIDTH = 48;
const HEIGHT = 32;
const WINDOW = { xMin: 0, yMin: 0, xMax: WIDTH - 1, yMax: HEIGHT - 1 };

interface Upload {
  readonly name: string;
  readonly mimeType: string;
  readonly buffer: Buffer;
}

/** A gray gradient with a third of noise; without it, a reference. */
function file(name: string, noise = 1 / 3): Upload {
  const value = (_: string, i: number): number =>
    (0.2 + (0.5 * (i % WIDTH)) / WIDTH) * (1 + noise * Math.sin(12.9898 * i * i));
  const buffer = Buffer.from(exrFile([{ layers: ['RGB', 'A'], window: WINDOW }], value));
  return { name, mimeType: '', buffer };
}

describe.skipIf(CHROMIUM === undefined)('what people do with the viewer', () => {
  let service: ChildProcess;
  let browser: Browser;
  let page: Page;
  let address = '';
  const troubles: string[] = [];

  beforeAll(async () => {
    [service, address] = await serve(path('test/golden/tiny-bundle'));
    browser = await launch();
  });

  beforeEach(async () => {
    await page?.close();
    page = await browser.newPage({ viewport: { width: 1100, height: 800 } });
    page.setDefaultTimeout(120_000);
    page.on('pageerror', (error) => troubles.push(error.message));
    await page.goto(address);
    await page.uncheck('#maps');
    await page.selectOption('#window', '1');
  });

  afterAll(async () => {
    await browser?.close();
    service?.kill();
    expect(troubles).toEqual([]);
  });

  const text = (id: string): Promise<string> => page.locator(`#${id}`).innerText();
  const says = (id: string, words: RegExp): Promise<unknown> =>
    page.waitForFunction(
      ([element = '', source = '']) =>
        new RegExp(source).test(document.getElementById(element)?.textContent ?? ''),
      [id, words.source],
    );
  const open = async (...files: readonly Upload[]): Promise<void> => {
    await page.locator('#files').setInputFiles([...files]);
    await says('status', /^\d+ frame/);
  };
  const denoise = async (): Promise<void> => {
    await page.click('#denoise');
    await says('status', /^Denoised/);
  };
  const drawn = (): Promise<string | undefined> =>
    page.evaluate(() => document.querySelector('canvas')?.toDataURL());
  const box = async (): Promise<{ x: number; y: number; width: number; height: number }> =>
    (await page.locator('#canvas').boundingBox()) ?? { x: 0, y: 0, width: 0, height: 0 };
  const drag = async (from: [number, number], to: [number, number]): Promise<void> => {
    const { x, y } = await box();
    await page.mouse.move(x + from[0], y + from[1]);
    await page.mouse.down();
    await page.mouse.move(x + to[0], y + to[1], { steps: 5 });
    await page.mouse.up();
  };

  it('starts at 0 EV with sRGB, names the page after the file and keeps its facts in sight', async () => {
    expect(await page.locator('#open').getAttribute('class')).toContain('primary');
    await open(file('shot.0001.exr'));
    expect(await page.title()).toBe('shot.0001.exr - quietframe');
    expect(await page.locator('#info').innerText()).toMatch(
      /shot\.0001\.exr\s+48 x 32\s+generic\s+400 %\s+\+0\.0 EV, sRGB/,
    );
    expect(await page.locator('#denoise').getAttribute('class')).toContain('primary');
    expect(await page.isVisible('#progress')).toBe(false);
    await page.keyboard.press(']');
    await page.selectOption('#curve', 'agx');
    expect(await text('info-exposure')).toBe('+0.5 EV, AgX');
    const { x, y, width, height } = await box();
    await page.mouse.move(x + width / 2, y + height / 2);
    expect(await text('values')).toMatch(/^24, 16\n[\d.]+ +[\d.]+ +[\d.]+\nalpha +[\d.]+$/);
    expect(await page.locator('#swatch').evaluate((element) => element.style.background)).toMatch(/^rgb/);
    expect(await page.isVisible('#histogram')).toBe(true);
  });

  it('shows each view transform', async () => {
    await open(file('a.exr'));
    const pictures = new Set<string | undefined>();
    for (const curve of ['srgb', 'agx', 'filmic', 'gamma', 'raw']) {
      await page.selectOption('#curve', curve);
      pictures.add(await drawn());
    }
    expect(pictures.size).toBe(5);
  });

  it('compares with a reference: errors in figures, difference, and pictures while keys are held', async () => {
    await open(file('a.0001.exr'), file('reference.0001.exr', 0));
    expect(await text('status')).toBe('1 frame, with a reference');
    await denoise();
    await says('error-rows', /noisy.*denoised/);
    const rows = (await text('error-rows')).split('\n').map((row) => row.split('\t'));
    expect(rows.map(([name]) => name)).toEqual(['noisy', 'denoised']);
    for (const figure of rows.flatMap((row) => row.slice(1))) expect(Number(figure)).toBeGreaterThan(0);
    const split = await drawn();
    await page.locator('#canvas').focus();
    const seen = new Set([split]);
    for (const [key, name] of [
      ['n', 'noisy'],
      ['m', 'denoised'],
      ['r', 'reference'],
      ['x', 'noisy against denoised'],
    ] as const) {
      await page.keyboard.down(key);
      expect(await text('right-name')).toBe(name);
      expect(await page.isVisible('#left-name')).toBe(false);
      seen.add(await drawn());
      await page.keyboard.up(key);
      expect(await drawn()).toBe(split);
    }
    expect(seen.size).toBe(5);
    await page.selectOption('#right', 'reference');
    await says('right-name', /^reference$/);
    await page.check('#difference');
    expect(await text('right-name')).toBe('noisy against reference');
    expect(await text('legend-name')).toBe('relative difference');
  });

  it('refuses a reference of another size, and takes one that fits', async () => {
    await open(file('a.exr'));
    const small = Buffer.from(exrFile([{ layers: ['RGB'] }], () => 1));
    await page.locator('#reference').setInputFiles({ name: 'small.exr', mimeType: '', buffer: small });
    await says('toasts', /small\.exr is \d+ x \d+ pixels, but the frame is 48 x 32/);
    await page.click('.toast button');
    expect(await page.locator('.toast').count()).toBe(0);
    await page.locator('#reference').setInputFiles(file('truth.exr', 0));
    await says('reference-name', /^truth\.exr$/);
    await says('error-rows', /noisy/);
  });

  it('keeps earlier results to compare with', async () => {
    await open(file('a.exr'));
    await denoise();
    expect(await page.isVisible('#earlier-row')).toBe(false);
    await page.locator('#keep').fill('100');
    await page.click('#denoise');
    await says('report', /lambda 10/);
    expect(await page.locator('#earlier option').allInnerTexts()).toEqual(['lambda 1, 1 frame, kpcn@1']);
    await page.selectOption('#left', 'earlier');
    await says('left-name', /^earlier$/);
    expect(await page.isVisible('#split')).toBe(true);
  });

  it('blends while the slider moves, and never shows a region of one lambda beside another', async () => {
    await open(file('a.exr'));
    await denoise();
    for (let i = 0; i < 3; i++) await page.click('#nearer');
    await page.locator('#keep').fill('50');
    expect(await text('right-name')).toBe('lambda 3.16, approximate');
    await says('right-name', /^lambda 3\.16, visible part$/);
    const { width, height } = await box();
    await drag([width / 2 + 60, height / 2], [width / 2 - 60, height / 2]);
    // The region does not cover what has come into sight.
    expect(await text('right-name')).toBe('lambda 3.16, approximate');
    await says('right-name', /^lambda 3\.16, visible part$/);
    const [saved] = await Promise.all([page.waitForEvent('download'), page.click('#save-exr')]);
    // The whole frame was denoised with it before it was saved.
    expect(await text('report')).toContain('lambda 3.16');
    expect(saved.suggestedFilename()).toBe('a.denoised.exr');
  });

  it('paints a map of lambda and sends it', async () => {
    await open(file('a.exr'));
    await denoise();
    await page.keyboard.press('p');
    expect(await page.isChecked('#brush')).toBe(true);
    // Chromium does not show the bodies of blobs from outside.
    await page.evaluate(() => {
      const send = window.fetch;
      window.fetch = async (input, init) => {
        if (init?.body instanceof Blob) {
          const bytes = new Uint8Array(await init.body.arrayBuffer());
          document.body.dataset.sent = [...bytes].join();
        }
        return send(input, init);
      };
    });
    const before = await drawn();
    const { width, height } = await box();
    await drag([width / 2 - 40, height / 2], [width / 2 + 60, height / 2]);
    expect(await drawn()).not.toBe(before);
    expect(await text('right-name')).toBe('painted map, approximate');
    await page.click('#denoise');
    await says('report', /painted map over lambda 1/);
    const sent = await page.evaluate(() => document.body.dataset.sent?.split(',').map(Number));
    const map = readExr(Uint8Array.from(sent ?? [])).parts[0]?.planes.get('lambda')?.data;
    const values = new Set(map);
    expect([...values].map((value) => Number(value.toFixed(2))).sort()).toEqual([1, 3.98]);
    await page.evaluate(() =>
      document.querySelector('#brush-clear')?.closest('details')?.setAttribute('open', ''),
    );
    await page.click('#brush-clear');
    expect(await text('right-name')).toBe('lambda 1, approximate');
  });

  it('shows the kernels, blend weights and shares of a pixel that is clicked', async () => {
    await open(file('s.0001.exr'), file('s.0002.exr', 0.3), file('s.0003.exr', 0.2));
    await page.selectOption('#window', '3');
    await page.keyboard.press('k');
    const { x, y, width, height } = await box();
    await page.mouse.click(x + width / 2 + 2, y + height / 2 + 2);
    await says('inside-note', /^Pixel 24, 16/);
    await says('inside-levels', /blend weight/);
    const captions = await page.locator('#inside-levels figcaption').allInnerTexts();
    expect(captions.at(-1)).toMatch(/: coarsest$/);
    for (const caption of captions.slice(0, -1)) expect(caption).toMatch(/: blend weight [01]\.\d\d$/);
    const shares = await page.locator('#inside-levels table').first().innerText();
    expect(shares.split('\n').map((row) => row.split('\t')[0])).toEqual(['Frame', '-1', '0', '+1']);
    const sum = [...shares.matchAll(/([\d.]+) %/g)].reduce((total, [, share]) => total + Number(share), 0);
    expect(sum).toBeCloseTo(100, 0);
    expect(await page.locator('.kernel').count()).toBe(captions.length);
  });

  it('denoises a region alone', async () => {
    await open(file('a.exr'));
    const { width, height } = await box();
    await page.keyboard.down('Shift');
    await drag([width / 2 - 40, height / 2 - 40], [width / 2 + 40, height / 2 + 40]);
    await page.keyboard.up('Shift');
    await says('right-name', /^denoised region, 2\d x 2\d$/);
    expect(await page.isVisible('#split')).toBe(true);
  });

  it('saves all frames in a zip of EXR or PNG', async () => {
    await open(file('s.0001.exr'), file('s.0002.exr'), file('s.0003.exr'));
    await page.click('#denoise-all');
    await says('status', /^Denoised 3 frames/);
    for (const [format, magic] of [
      ['exr', 0x76],
      ['png', 0x89],
    ] as const) {
      const [zip] = await Promise.all([page.waitForEvent('download'), page.click(`#save-all-${format}`)]);
      expect(zip.suggestedFilename()).toBe(`s.denoised.${format}.zip`);
      const files = unzipSync(new Uint8Array(readFileSync(await zip.path())));
      expect(Object.keys(files)).toEqual([1, 2, 3].map((n) => `s.000${n}.denoised.${format}`));
      for (const bytes of Object.values(files)) expect(bytes[0]).toBe(magic);
      expect(await text('status')).toBe('Saved 3 of 3 frames');
    }
  });

  it('tells the rate of playback', async () => {
    await open(file('s.0001.exr'), file('s.0002.exr'), file('s.0003.exr'));
    await page.locator('#fps').fill('60');
    await page.click('#play');
    await says('rate', /^(in time|only [\d.]+ fps)$/);
    await page.click('#play');
    await says('rate', /^$/);
  });

  it('lists the keys', async () => {
    await page.keyboard.press('?');
    expect(await text('key-rows')).toMatch(/x\s+hold: difference/);
    await page.keyboard.press('Escape');
    expect(await page.isVisible('#keys')).toBe(false);
  });

  it('is readable on a phone, and zooms with two fingers', async () => {
    const context = await browser.newContext({
      viewport: { width: 390, height: 844 },
      hasTouch: true,
      isMobile: true,
    });
    await page.close();
    page = await context.newPage();
    await page.goto(address);
    await open(file('a.exr'));
    const wide = await page.evaluate(() => document.documentElement.scrollWidth);
    expect(wide).toBe(390);
    expect((await page.locator('#denoise').boundingBox())?.height).toBeGreaterThanOrEqual(40);
    // The buttons stand above the bar of facts, however many lines that has.
    const [buttons, info] = await Promise.all([
      page.locator('#zoom').boundingBox(),
      page.locator('#info').boundingBox(),
    ]);
    expect((buttons?.y ?? 0) + (buttons?.height ?? 0)).toBeLessThanOrEqual(info?.y ?? 0);
    const zoom = async (): Promise<number> => Number.parseInt(await text('info-zoom'), 10);
    const before = await zoom();
    const { x, y, width, height } = await box();
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
  });
});
