import type { ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { unzipSync } from 'fflate';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { readExr } from '../../src/exr/read-exr.js';
import { exrFile } from '../support/exr-files.js';
import { Probe } from './probe.js';
import { CHROMIUM, launch, MODELS, serve } from './support.js';

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
  let probe: Probe;
  let address = '';
  const troubles: string[] = [];

  beforeAll(async () => {
    [service, address] = await serve(MODELS);
    browser = await launch();
  });

  beforeEach(async () => {
    await page?.close();
    page = await browser.newPage({ viewport: { width: 1100, height: 800 } });
    probe = new Probe(page);
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

  const open = async (...files: readonly Upload[]): Promise<void> => {
    await page.locator('#files').setInputFiles([...files]);
    await probe.says('status', /^\d+ frame/);
  };
  const denoise = async (): Promise<void> => {
    await page.click('#denoise');
    await probe.says('status', /^Denoised/);
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
    expect(await probe.text('info-exposure')).toBe('+0.5 EV, AgX');
    const { x, y, width, height } = await probe.box();
    await page.mouse.move(x + width / 2, y + height / 2);
    expect(await probe.text('values')).toMatch(/^24, 16\n[\d.]+ +[\d.]+ +[\d.]+\nalpha +[\d.]+$/);
    expect(await page.locator('#swatch').evaluate((element) => element.style.background)).toMatch(/^rgb/);
    expect(await page.isVisible('#histogram')).toBe(true);
  });

  it('shows each view transform', async () => {
    await open(file('a.exr'));
    const pictures = new Set<string | undefined>();
    for (const curve of ['srgb', 'agx', 'filmic', 'gamma', 'raw']) {
      await page.selectOption('#curve', curve);
      pictures.add(await probe.drawn());
    }
    expect(pictures.size).toBe(5);
  });

  it('compares with a reference: errors in figures, difference, and pictures while keys are held', async () => {
    await open(file('a.0001.exr'), file('reference.0001.exr', 0));
    expect(await probe.text('status')).toBe('1 frame, with a reference');
    await denoise();
    await probe.says('error-rows', /noisy.*denoised/);
    const rows = (await probe.text('error-rows')).split('\n').map((row) => row.split('\t'));
    expect(rows.map(([name]) => name)).toEqual(['noisy', 'denoised']);
    for (const figure of rows.flatMap((row) => row.slice(1))) expect(Number(figure)).toBeGreaterThan(0);
    const split = await probe.drawn();
    await page.locator('#canvas').focus();
    const seen = new Set([split]);
    for (const [key, name] of [
      ['n', 'noisy'],
      ['m', 'denoised'],
      ['r', 'reference'],
      ['x', 'noisy against denoised'],
    ] as const) {
      await page.keyboard.down(key);
      expect(await probe.text('right-name')).toBe(name);
      expect(await page.isVisible('#left-name')).toBe(false);
      seen.add(await probe.drawn());
      await page.keyboard.up(key);
      expect(await probe.drawn()).toBe(split);
    }
    expect(seen.size).toBe(5);
    await page.selectOption('#right', 'reference');
    await probe.says('right-name', /^reference$/);
    await page.check('#difference');
    expect(await probe.text('right-name')).toBe('noisy against reference');
    expect(await probe.text('legend-name')).toBe('relative difference');
  });

  it('refuses a reference of another size, and takes one that fits', async () => {
    await open(file('a.exr'));
    const small = Buffer.from(exrFile([{ layers: ['RGB'] }], () => 1));
    await page.locator('#reference').setInputFiles({ name: 'small.exr', mimeType: '', buffer: small });
    await probe.says('toasts', /small\.exr is \d+ x \d+ pixels, but the frame is 48 x 32/);
    await page.click('.toast button');
    expect(await page.locator('.toast').count()).toBe(0);
    await page.locator('#reference').setInputFiles(file('truth.exr', 0));
    await probe.says('reference-name', /^truth\.exr$/);
    await probe.says('error-rows', /noisy/);
  });

  it('keeps earlier results to compare with', async () => {
    await open(file('a.exr'));
    await denoise();
    expect(await page.isVisible('#earlier-row')).toBe(false);
    await page.locator('#keep').fill('100');
    await page.click('#denoise');
    await probe.says('report', /lambda 10/);
    expect(await page.locator('#earlier option').allInnerTexts()).toEqual(['lambda 1, 1 frame, kpcn@1']);
    await page.selectOption('#left', 'earlier');
    await probe.says('left-name', /^earlier$/);
    expect(await page.isVisible('#split')).toBe(true);
  });

  it('blends while the slider moves, and never shows a region of one lambda beside another', async () => {
    await open(file('a.exr'));
    await denoise();
    for (let i = 0; i < 3; i++) await page.click('#nearer');
    await page.locator('#keep').fill('50');
    expect(await probe.text('right-name')).toBe('lambda 3.16, approximate');
    await probe.says('right-name', /^lambda 3\.16, visible part$/);
    const { width, height } = await probe.box();
    await probe.drag([width / 2 + 60, height / 2], [width / 2 - 60, height / 2]);
    // The region does not cover what has come into sight.
    expect(await probe.text('right-name')).toBe('lambda 3.16, approximate');
    await probe.says('right-name', /^lambda 3\.16, visible part$/);
    const [saved] = await Promise.all([page.waitForEvent('download'), page.click('#save-exr')]);
    // The whole frame was denoised with it before it was saved.
    expect(await probe.text('report')).toContain('lambda 3.16');
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
    const before = await probe.drawn();
    const { width, height } = await probe.box();
    await probe.drag([width / 2 - 40, height / 2], [width / 2 + 60, height / 2]);
    expect(await probe.drawn()).not.toBe(before);
    expect(await probe.text('right-name')).toBe('painted map, approximate');
    await page.click('#denoise');
    await probe.says('report', /painted map over lambda 1/);
    const sent = await page.evaluate(() => document.body.dataset.sent?.split(',').map(Number));
    const map = readExr(Uint8Array.from(sent ?? [])).parts[0]?.planes.get('lambda')?.data;
    const values = new Set(map);
    expect([...values].map((value) => Number(value.toFixed(2))).sort()).toEqual([1, 3.98]);
    await page.evaluate(() =>
      document.querySelector('#brush-clear')?.closest('details')?.setAttribute('open', ''),
    );
    await page.click('#brush-clear');
    expect(await probe.text('right-name')).toBe('lambda 1, approximate');
  });

  it('shows the kernels, blend weights and shares of a pixel that is clicked', async () => {
    await open(file('s.0001.exr'), file('s.0002.exr', 0.3), file('s.0003.exr', 0.2));
    await page.selectOption('#window', '3');
    await page.keyboard.press('k');
    const { x, y, width, height } = await probe.box();
    await page.mouse.click(x + width / 2 + 2, y + height / 2 + 2);
    await probe.says('inside-note', /^Pixel 24, 16/);
    await probe.says('inside-levels', /blend weight/);
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
    const { width, height } = await probe.box();
    await page.keyboard.down('Shift');
    await probe.drag([width / 2 - 40, height / 2 - 40], [width / 2 + 40, height / 2 + 40]);
    await page.keyboard.up('Shift');
    await probe.says('right-name', /^denoised region, 2\d x 2\d$/);
    expect(await page.isVisible('#split')).toBe(true);
  });

  it('saves all frames in a zip of EXR or PNG', async () => {
    await open(file('s.0001.exr'), file('s.0002.exr'), file('s.0003.exr'));
    await page.click('#denoise-all');
    await probe.says('status', /^Denoised 3 frames/);
    for (const [format, magic] of [
      ['exr', 0x76],
      ['png', 0x89],
    ] as const) {
      const [zip] = await Promise.all([page.waitForEvent('download'), page.click(`#save-all-${format}`)]);
      expect(zip.suggestedFilename()).toBe(`s.denoised.${format}.zip`);
      const files = unzipSync(new Uint8Array(readFileSync(await zip.path())));
      expect(Object.keys(files)).toEqual([1, 2, 3].map((n) => `s.000${n}.denoised.${format}`));
      for (const bytes of Object.values(files)) expect(bytes[0]).toBe(magic);
      expect(await probe.text('status')).toBe('Saved 3 of 3 frames');
    }
  });

  it('tells the rate of playback', async () => {
    await open(file('s.0001.exr'), file('s.0002.exr'), file('s.0003.exr'));
    await page.locator('#fps').fill('60');
    await page.click('#play');
    await probe.says('rate', /^(in time|only [\d.]+ fps)$/);
    await page.click('#play');
    await probe.says('rate', /^$/);
  });

  it('lists the keys', async () => {
    await page.keyboard.press('?');
    expect(await probe.text('key-rows')).toMatch(/x\s+hold: difference/);
    await page.keyboard.press('Escape');
    expect(await page.isVisible('#keys')).toBe(false);
  });
});
