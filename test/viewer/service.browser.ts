import type { ChildProcess } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { exrFile } from '../support/exr-files.js';
import { ExampleFrames } from './example-frames.js';
import { CHROMIUM, launch, MODELS, serve } from './support.js';

describe.skipIf(CHROMIUM === undefined)('the viewer and its service', () => {
  let service: ChildProcess;
  let browser: Browser;
  let page: Page;
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
      await own.locator('#files').setInputFiles([3, 4, 5].map((number) => examples.frame(number)));
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
      await own.locator('#files').setInputFiles(examples.frame(4));
      await own.waitForFunction(() => !(document.getElementById('denoise') as HTMLButtonElement).disabled);
      await own.uncheck('#maps');
      await own.selectOption('#window', '1');
      expect(await denoise('x')).toContain('borders joined');
      expect(await denoise('none')).not.toContain('borders joined');
    } finally {
      await own.close();
    }
  });
});
