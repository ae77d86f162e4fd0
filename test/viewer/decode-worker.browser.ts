import { existsSync } from 'node:fs';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readExr } from '../../src/exr/read-exr.js';
import { fixture } from '../exr/fixtures.js';
import { fakeApp } from '../server/support.js';

const CHROMIUM = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(
  existsSync,
);

describe.skipIf(CHROMIUM === undefined)('the worker that decodes, in a browser', () => {
  let browser: Browser;
  let page: Page;
  let close: () => Promise<unknown>;

  beforeAll(async () => {
    const { app } = await fakeApp();
    const address = await app.listen({ port: 0, host: '127.0.0.1' });
    close = () => app.close();
    browser = await chromium.launch({ executablePath: CHROMIUM ?? '', args: ['--no-sandbox'] });
    page = await browser.newPage();
    await page.goto(address);
  });
  afterAll(async () => {
    await browser?.close();
    await close?.();
  });

  it.each(['zip.exr', 'dwaa.exr', 'htj2k32.exr', 'zstd.exr'])(
    'reads %s as the service does',
    async (name) => {
      const bytes = fixture(name);
      const samples = await page.evaluate(
        async (file) => {
          const worker = new Worker('/viewer/decode-worker.js', { type: 'module' });
          const answer = new Promise<string[]>((resolve, reject) => {
            worker.onmessage = ({ data }) =>
              data.planes ? resolve([...data.planes.data[0]].map(String)) : reject(new Error(data.error));
            worker.onerror = ({ message }) => reject(new Error(message));
          });
          worker.postMessage({
            id: 1,
            kind: 'planes',
            file: new Blob([new Uint8Array(file)]),
            part: 0,
            channels: ['R'],
          });
          return answer;
        },
        [...bytes],
      );
      expect(samples).toEqual([...(readExr(bytes).parts[0]?.planes.get('R')?.data ?? [])].map(String));
    },
  );
});
