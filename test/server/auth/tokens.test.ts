import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { anonymousCaller, networkOf, TokenBucket, TokenRegistry } from '../../../src/server/auth/tokens.js';
import { parsePriority } from '../../../src/server/queue/priority.js';
import { makeExr } from '../../support/exr-files.js';
import { expectProblem, fakeApp, post } from '../support.js';

const folder = await mkdtemp(join(tmpdir(), 'quietframe-tokens-'));
afterAll(() => rm(folder, { recursive: true }));
const hash = (token: string): string => createHash('sha256').update(token).digest('hex');

let files = 0;
async function tokensFile(content: unknown): Promise<string> {
  const file = join(folder, `${files++}.json`);
  await writeFile(file, typeof content === 'string' ? content : JSON.stringify(content));
  return file;
}

const FILE = await tokensFile({
  tokens: [
    { name: 'farm', sha256: hash('secret-of-the-farm'), urgency: 4 },
    { name: 'artist', sha256: hash('secret-of-the-artist'), requestsPerMinute: 2 },
    { name: 'small', sha256: hash('secret-of-the-small'), bytesPerHour: 10 },
  ],
});

describe('TokenRegistry', () => {
  it('tells callers apart by address where there are no tokens', async () => {
    const callers = await TokenRegistry.open(undefined);
    expect(callers.identify(undefined, '10.0.0.1').name).toBe('10.0.0.1');
    expect(callers.identify('Bearer whatever', '10.0.0.2').name).toBe('10.0.0.2');
  });

  it.each([
    undefined,
    '',
    'Bearer',
    'Bearer ',
    'Bearer wrong',
    'Basic secret-of-the-farm',
    `Bearer ${hash('secret-of-the-farm')}`,
    'Bearer secret-of-the-farm, Bearer x',
    'secret-of-the-farm',
  ])('lets nobody in with %j', async (authorization) => {
    const callers = await TokenRegistry.open(FILE);
    expect(() => callers.identify(authorization, '::1')).toThrow(
      expect.objectContaining({ code: 'unauthenticated' }),
    );
  });

  it('keeps tokens within their quotas', async () => {
    const callers = await TokenRegistry.open(FILE);
    const artist = (): string => callers.identify('bearer secret-of-the-artist', '').name;
    expect([artist(), artist()]).toEqual(['artist', 'artist']);
    const over = expect.objectContaining({
      code: 'too-many-requests',
      details: { retryAfter: expect.any(Number) },
    });
    expect(artist).toThrow(over);
    const small = callers.identify('Bearer secret-of-the-small', '');
    callers.received(small, 5000);
    expect(() => callers.identify('Bearer secret-of-the-small', '')).toThrow(over);
    for (let i = 0; i < 100; i++) expect(callers.identify('Bearer secret-of-the-farm', '').name).toBe('farm');
  });

  it.each([
    ['no JSON', '{'],
    ['no list', { tokens: {} }],
    ['a list', []],
    ['no name', { tokens: [{ sha256: hash('a') }] }],
    ['a token instead of its hash', { tokens: [{ name: 'a', sha256: 'secret-of-the-farm' }] }],
    ['an unknown quota', { tokens: [{ name: 'a', sha256: hash('a'), requests: 3 }] }],
    ['a quota of nothing', { tokens: [{ name: 'a', sha256: hash('a'), concurrent: 0 }] }],
    ['no number', { tokens: [{ name: 'a', sha256: hash('a'), jobs: '3' }] }],
    [
      'a name twice',
      {
        tokens: [
          { name: 'a', sha256: hash('a') },
          { name: 'a', sha256: hash('b') },
        ],
      },
    ],
    [
      'a token twice',
      {
        tokens: [
          { name: 'a', sha256: hash('a') },
          { name: 'b', sha256: hash('a') },
        ],
      },
    ],
    ['null', { tokens: [null] }],
  ])('refuses a file with %s, and shows nothing of it', async (_, content) => {
    const refused = TokenRegistry.open(await tokensFile(content));
    await expect(refused).rejects.toMatchObject({ code: 'invalid-argument' });
    await expect(refused).rejects.not.toThrow(/secret/);
  });

  it('takes the tokens that the file has now, and keeps what is left of the quotas of those that stay', async () => {
    const artist = { name: 'artist', sha256: hash('secret-of-the-artist'), requestsPerMinute: 2 };
    const file = await tokensFile({ tokens: [artist, { name: 'gone', sha256: hash('old') }] });
    const callers = await TokenRegistry.open(file);
    const asArtist = () => callers.identify('Bearer secret-of-the-artist', '');
    asArtist();
    asArtist();
    await writeFile(file, JSON.stringify({ tokens: [artist, { name: 'new', sha256: hash('new') }] }));
    await callers.reload(file);
    expect(callers.identify('Bearer new', '').name).toBe('new');
    expect(() => callers.identify('Bearer old', '')).toThrow('bearer token');
    expect(asArtist).toThrow('quota');
    await writeFile(file, JSON.stringify({ tokens: [{ ...artist, requestsPerMinute: 3 }] }));
    await callers.reload(file);
    expect(asArtist().name).toBe('artist');
    await writeFile(file, '{"tokens": 5}');
    await expect(callers.reload(file)).rejects.toMatchObject({ code: 'invalid-argument' });
    expect(asArtist().name).toBe('artist');
  });

  it('says when there is no file', async () => {
    await expect(TokenRegistry.open(join(folder, 'none'))).rejects.toMatchObject({ code: 'file-system' });
  });
});

it('refills an allowance with time, whatever the clock of the day says', () => {
  let now = 0;
  const allowance = new TokenBucket(2, 1000, () => now);
  allowance.take(2);
  expect(() => allowance.check('requests')).toThrow(expect.objectContaining({ code: 'too-many-requests' }));
  now = 500;
  allowance.check('requests');
  now = 1e9;
  allowance.take(2);
  expect(() => allowance.check('requests')).toThrow();
  allowance.take(10);
  now += 1000;
  expect(() => allowance.check('requests')).toThrow(expect.objectContaining({ details: { retryAfter: 5 } }));
});

describe('parsePriority', () => {
  const terms = (headers: Record<string, string>, urgency = 0) =>
    parsePriority((name) => headers[name], { ...anonymousCaller('a'), urgency });

  it('reads urgency, and ignores what it does not know', () => {
    expect(terms({}).urgency).toBe(3);
    expect(terms({ priority: 'u=1, i' }).urgency).toBe(1);
    expect(terms({ priority: 'i, u=7;x=1' }).urgency).toBe(7);
    expect(terms({ priority: 'u=8' }).urgency).toBe(3);
    expect(terms({ priority: 'u=12' }).urgency).toBe(3);
    expect(terms({ priority: 'xu=1' }).urgency).toBe(3);
    expect(terms({ priority: 'u=1' }, 4).urgency).toBe(4);
  });

  it('reads how long to wait', () => {
    expect(terms({ prefer: 'respond-async' }).deadline).toBeUndefined();
    const left = (terms({ prefer: 'respond-async, wait=10' }).deadline ?? 0) - performance.now();
    expect(left).toBeGreaterThan(0);
    expect(left).toBeLessThanOrEqual(10_000);
    for (const wait of ['', '-1', 'NaN', '1e3', '99999', '0x10']) {
      expect(() => terms({ prefer: `wait=${wait}` })).toThrow(
        expect.objectContaining({ code: 'invalid-argument' }),
      );
    }
  });
});

describe('a service with tokens', async () => {
  const { app } = await fakeApp({ tokensFile: FILE });
  const authorization = 'Bearer secret-of-the-farm';

  it('asks for one at everything that does work or tells something', async () => {
    for (const url of ['/v1/models', '/v1/sources', '/v1/nothing', `/v1/frames/${hash('x')}`]) {
      const answer = await app.inject(url);
      expectProblem(answer, 'unauthenticated', undefined);
      expect(answer.headers['www-authenticate']).toBe('Bearer');
    }
    expectProblem(await app.inject(post(makeExr())), 'unauthenticated');
    for (const url of [
      '/%761/models',
      '/v1%2fmodels',
      '/V1/models',
      '//v1/models',
      '/./v1/models',
      '/v1/models/../models',
    ]) {
      expect((await app.inject(url)).statusCode, url).toBeGreaterThanOrEqual(400);
    }
  });

  it('lets its callers in', async () => {
    expect((await app.inject({ url: '/v1/models', headers: { authorization } })).statusCode).toBe(200);
    const request = post(makeExr());
    const headers = { ...request.headers, authorization };
    expect((await app.inject({ ...request, headers })).statusCode).toBe(200);
  });

  it.each(['PUT', 'POST'] as const)('counts the bytes of uploads that are refused (%s)', async (method) => {
    const { app } = await fakeApp({ tokensFile: FILE });
    const headers = { 'content-type': 'image/x-exr', authorization: 'Bearer secret-of-the-small' };
    const url = method === 'PUT' ? `/v1/frames/${hash('other bytes')}` : '/v1/denoise';
    const send = () => app.inject({ method, url, headers, payload: Buffer.alloc(5000, 1) });
    expect((await send()).statusCode).toBeLessThan(429);
    expect((await send()).statusCode).toBe(429);
  });

  it('reads its file again when it changes', { timeout: 60_000 }, async () => {
    const file = await tokensFile({ tokens: [{ name: 'a', sha256: hash('a') }] });
    const { app } = await fakeApp({ tokensFile: file });
    const status = async (token: string): Promise<number> =>
      (await app.inject({ url: '/v1/models', headers: { authorization: `Bearer ${token}` } })).statusCode;
    expect([await status('a'), await status('b')]).toEqual([200, 401]);
    await writeFile(file, JSON.stringify({ tokens: [{ name: 'b', sha256: hash('b') }] }));
    await vi.waitFor(async () => expect([await status('a'), await status('b')]).toEqual([401, 200]), 30_000);
  });

  it('is open to those who look after it', async () => {
    expect((await app.inject('/healthz/live')).statusCode).toBe(200);
    expect((await app.inject('/metrics')).statusCode).toBe(200);
  });
});

describe('addresses without tokens', () => {
  it.each([
    ['10.1.2.3', '10.1.2.3'],
    ['::ffff:10.1.2.3', '10.1.2.3'],
    ['::1', '::1'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:db8:1:2::ffff', '2001:db8:1:2::/64'],
    ['2001:DB8::1', '2001:db8:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['64:ff9b::192.0.2.1', '64:ff9b:0:0::/64'],
    ['', ''],
  ])('%s is the caller %s', (address, name) => expect(networkOf(address)).toBe(name));

  it('may have a limit of places', async () => {
    const callers = await TokenRegistry.open(undefined, 3);
    expect(callers.identify(undefined, '2001:db8::1')).toMatchObject({
      name: '2001:db8:0:0::/64',
      places: 3,
    });
  });
});
