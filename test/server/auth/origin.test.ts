import { describe, expect, it } from 'vitest';
import { OriginCheck } from '../../../src/server/auth/origin.js';
import { expectCode, failure, startRpc } from '../../rpc/support.js';
import { makeExr } from '../../support/exr-files.js';
import { expectProblem, fakeApp, listen, post } from '../support.js';

const exr = makeExr();
const refused = expect.objectContaining({ code: 'forbidden' });

function check(
  authority: string,
  headers: Record<string, string> = {},
  { method = 'POST', allowed, tokens = false }: { method?: string; allowed?: string; tokens?: boolean } = {},
): () => void {
  const origins = new OriginCheck(allowed, tokens);
  return () => origins.check({ method, authority, header: (name) => headers[name] });
}

describe('the name that a service is called by', () => {
  it.each([
    'localhost:8080',
    'app.localhost',
    '127.0.0.1:80',
    '[::1]:8080',
    '10.0.0.7',
    'denoiser:80',
    'q.ns.svc',
  ])('is local: %s', (authority) => expect(check(authority, {}, { method: 'GET' })).not.toThrow());

  it.each([
    'evil.example',
    'evil.example:8080',
    '127.0.0.1.evil.example',
    'a@b.example',
    'localhost.evil.example',
    'x.svc.evil',
  ])('is that of another site: %s', (authority) =>
    expect(check(authority, {}, { method: 'GET' })).toThrow(refused),
  );

  it('is one that the settings allow, or any with tokens', () => {
    const allowed = 'render.studio.example,.farm.example';
    expect(check('render.studio.example:80', {}, { allowed })).not.toThrow();
    expect(check('a.farm.example', {}, { allowed })).not.toThrow();
    expect(check('farm.example.evil.example', {}, { allowed })).toThrow(refused);
    expect(check('any.example', {}, { allowed: '*' })).not.toThrow();
    expect(check('any.example', {}, { tokens: true })).not.toThrow();
  });
});

describe('a web page', () => {
  it.each<[string, Record<string, string>]>([
    ['another origin', { origin: 'http://evil.example' }],
    ['another port', { origin: 'http://localhost:3000' }],
    ['no origin', { origin: 'null' }],
    ['another site', { 'sec-fetch-site': 'cross-site' }],
    ['the same site', { 'sec-fetch-site': 'same-site', origin: 'http://localhost:8080' }],
  ])('of %s may change nothing', (_name, headers) => {
    for (const method of ['POST', 'PUT', 'DELETE', 'PATCH']) {
      expect(check('localhost:8080', headers, { method })).toThrow(refused);
    }
    expect(check('localhost:8080', headers, { tokens: true })).toThrow(refused);
    expect(check('localhost:8080', headers, { allowed: '*' })).toThrow(refused);
    expect(check('localhost:8080', headers, { method: 'GET' })).not.toThrow();
  });

  it.each<[string, Record<string, string>]>([
    ['the service', { origin: 'http://localhost:8080' }],
    ['the service, by the browser', { 'sec-fetch-site': 'same-origin', origin: 'https://proxy.example' }],
    ['nobody', {}],
    ['the user', { 'sec-fetch-site': 'none' }],
  ])('of %s may', (_name, headers) => {
    expect(check('localhost:8080', headers)).not.toThrow();
  });

  it('of an origin that is allowed may, whatever port goes without saying', () => {
    expect(
      check('localhost', { origin: 'http://studio.example' }, { allowed: 'studio.example' }),
    ).not.toThrow();
    expect(check('localhost:80', { origin: 'http://localhost' })).not.toThrow();
  });
});

describe('the service', async () => {
  const { app } = await fakeApp();
  await listen(app);
  const rpc = await startRpc();

  it('refuses pages and foreign names over HTTP, but for its health', async () => {
    const page = post(exr);
    const headers = { ...page.headers, origin: 'http://evil.example' };
    expectProblem(await app.inject({ ...page, headers }), 'forbidden');
    const foreign = { host: 'evil.example' };
    expectProblem(await app.inject({ ...page, headers: { ...page.headers, ...foreign } }), 'forbidden');
    expectProblem(await app.inject({ url: '/v1/models', headers: foreign }), 'forbidden', '/v1/models');
    expect((await app.inject({ url: '/healthz/live', headers: foreign })).statusCode).toBe(200);
    expect((await app.inject(page)).statusCode).toBe(200);
  });

  it('refuses them over gRPC', async () => {
    const headers = { origin: 'http://evil.example' };
    expectCode(await failure(rpc.client.listModels({}, { headers })), 'forbidden');
    expect((await rpc.client.listModels({})).models.length).toBeGreaterThan(0);
  });
});
