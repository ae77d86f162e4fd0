import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { OPENAPI } from '../../src/server/openapi/openapi.js';
import { fakeApp } from './support.js';

const { app } = await fakeApp();
const page = await app.inject('/docs');

describe('GET /docs', () => {
  it('is a page for people', () => {
    expect(page.statusCode).toBe(200);
    expect(page.headers['content-type']).toBe('text/html; charset=utf-8');
    expect(page.body).toMatch(/^<!doctype html>\n<html lang="en">/);
    expect(page.body).toContain('color-scheme: light dark');
  });

  it('describes every operation, its parameters and every error', () => {
    for (const [path, item] of Object.entries(OPENAPI.paths)) {
      for (const method of ['get', 'put', 'post', 'delete', 'head'].filter((name) => name in item)) {
        expect(page.body).toContain(`>${method.toUpperCase()} ${path}</h2>`);
      }
    }
    for (const { name } of OPENAPI.paths['/v1/denoise'].post.parameters) {
      expect(page.body).toContain(`<code>${name}</code>`);
    }
    for (const type of OPENAPI.components.schemas.Problem.properties.type.enum) {
      expect(page.body).toContain(`<code>${type.split(':').at(-1)}</code>`);
    }
  });

  it('links to what is there', async () => {
    const ids = [...page.body.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id);
    expect(new Set(ids).size).toBe(ids.length);
    const links = [...page.body.matchAll(/<a href="([^"]+)"/g)].map(([, href]) => href as string);
    expect(links.length).toBeGreaterThan(15);
    for (const href of new Set(links)) {
      if (href.startsWith('#')) expect(ids).toContain(href.slice(1));
      else expect((await app.inject(new URL(href, 'http://x/docs').pathname)).statusCode).toBe(200);
    }
  });

  it('runs nothing and asks nobody for anything', () => {
    const policy = String(page.headers['content-security-policy']);
    expect(policy).toContain("default-src 'none'");
    expect(policy).not.toMatch(/unsafe|https?:|\*/);
    expect(page.body).not.toMatch(/<script|style="|\son[a-z]+="|\ssrc=/);
    const [, style = ''] = /<style>([^<]*)<\/style>/.exec(page.body) ?? [];
    expect(policy).toContain(`'sha256-${createHash('sha256').update(style).digest('base64')}'`);
  });
});
