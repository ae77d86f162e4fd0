import { describe, expect, it } from 'vitest';
import { fakeApp } from './support.js';

const { app } = await fakeApp();
const BROWSER = 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8';

describe('the viewer', () => {
  it('is what a browser gets, and a text is what others get', async () => {
    const page = await app.inject({ url: '/', headers: { accept: BROWSER } });
    expect(page.headers['content-type']).toBe('text/html; charset=utf-8');
    expect(page.headers.vary).toBe('accept');
    for (const accept of ['*/*', 'text/plain']) {
      const text = await app.inject({ url: '/', headers: { accept } });
      expect(text.headers['content-type']).toBe('text/plain; charset=utf-8');
    }
  });

  it('has all that it names, and asks nobody else for anything', async () => {
    const page = await app.inject({ url: '/', headers: { accept: BROWSER } });
    const names = [...page.body.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, name]) => name ?? '');
    const files = names.filter((name) => !name.startsWith('data:'));
    expect(files.length).toBeGreaterThan(1);
    for (const name of [...files, 'viewer/decode-worker.js']) {
      expect((await app.inject(`/${name}`)).statusCode).toBe(200);
    }
    expect(page.body).not.toMatch(/<script(?![^>]*src=)|<style|style="|\son[a-z]+="/);
    const policy = String(page.headers['content-security-policy']);
    expect(policy).toContain("default-src 'none'");
    expect(policy).not.toMatch(/unsafe|https?:|\*/);
    const worker = await app.inject('/viewer/decode-worker.js');
    const own = String(worker.headers['content-security-policy']);
    expect(own).toBe(policy.replace("script-src 'self'", "script-src 'self' 'wasm-unsafe-eval'"));
  });

  it('gives no other file', async () => {
    for (const name of ['index.html', '../server/app.js', '..%2Fserver%2Fapp.js', 'none.js']) {
      expect((await app.inject(`/viewer/${name}`)).statusCode).toBe(404);
    }
  });
});
