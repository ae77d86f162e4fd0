import { Agent, request } from 'undici';
import { afterAll, expect, it } from 'vitest';
import { FIXTURES, fixture } from '../exr/fixtures.js';
import { BOUNDARY, fakeApp, form, listen } from '../server/support.js';
import { makeExr } from '../support/exr-files.js';
import { mutate, numbers } from './mutate.js';

const { app, service } = await fakeApp();
const origin = `http://127.0.0.1:${await listen(app)}`;
const agent = new Agent();
afterAll(() => agent.close());

const CASES = 400;
const good = makeExr();
const seeds = [good, ...FIXTURES.map(fixture)].filter(({ length }) => length < 60_000);

async function check(body: Buffer, contentType: string, label: string): Promise<number> {
  const answer = await request(`${origin}/v1/denoise`, {
    method: 'POST',
    headers: { 'content-type': contentType },
    body,
    dispatcher: agent,
  });
  const text = await answer.body.text();
  if (answer.statusCode !== 200) {
    expect(answer.headers['content-type'], label).toBe('application/problem+json');
    expect(text, label).toMatch(
      /^\{"type":"urn:quietframe:problem:[a-z-]+","title":".+","status":4\d\d,"detail":".+"/,
    );
    expect(answer.statusCode, label).toBeLessThan(500);
  }
  return answer.statusCode;
}

async function checkUnharmed(): Promise<void> {
  expect(await check(Buffer.from(good), 'image/x-exr', 'the good file')).toBe(200);
  expect(service.running).toBe(0);
  expect((await app.inject('/metrics')).body).toMatch(/^quietframe_requests_in_flight 0$/m);
}

it('answers damaged OpenEXR files with a file or a problem', async () => {
  const below = numbers(20260101);
  const statuses = new Set<number>();
  for (let index = 0; index < CASES; index++) {
    const original = seeds[below(seeds.length)] ?? good;
    statuses.add(await check(mutate(original, below), 'image/x-exr', `case ${index}`));
  }
  expect(statuses).toContain(422);
  await checkUnharmed();
});

it('answers damaged forms with a file or a problem', async () => {
  const below = numbers(7);
  const forms = [
    form([['frame', good]]),
    form([
      ['half_a', good],
      ['half_b', good],
    ]),
    form([
      ['frame', good],
      ['frame', good],
      ['frame', good],
    ]),
    form([
      ['frame', good],
      ['half_a', good],
      ['half_b', good],
    ]),
  ];
  const types = [`multipart/form-data; boundary=${BOUNDARY}`, `multipart/form-data; boundary="${BOUNDARY}"`];
  const statuses = new Set<number>();
  for (let index = 0; index < CASES; index++) {
    const body = mutate(forms[below(forms.length)] ?? good, below);
    const type = types[below(types.length)] ?? '';
    const header = below(10) === 0 ? type.slice(0, 19 + below(type.length - 19)) : type;
    statuses.add(await check(body, header.trim(), `case ${index}`));
  }
  expect(statuses).toContain(200);
  expect(statuses).toContain(400);
  await checkUnharmed();
});

const PATHS = [
  '/v1/denoise',
  '/v1/sample-map',
  '/v1/jobs',
  '/v1/frames/x',
  '/v1/models/x',
  '/v1/jobs/x/events',
];
const NAMES = [
  'lambda',
  'model',
  'alpha',
  'aovs',
  'layer',
  'center',
  'outputs',
  '__proto__',
  'constructor',
  'é',
];
const VALUES = [
  '1',
  '',
  '-1',
  'all',
  '%00',
  '%',
  '%zz',
  '\u{1F600}',
  'a=b',
  '1e999',
  '../../etc',
  'x'.repeat(5000),
];
const HEADERS = [
  'priority',
  'prefer',
  'range',
  'accept',
  'traceparent',
  'idempotency-key',
  'last-event-id',
  'authorization',
  'if-none-match',
  'expect',
  'content-encoding',
];

/** A problem, or an answer that is good; never a failure of the service. */
function checkAnswer({ statusCode, body }: { statusCode: number; body: string }, label: string): void {
  // 501 is for values that the interface has and this version does not serve.
  if (statusCode !== 501) expect(statusCode, label).toBeLessThan(500);
  if (statusCode >= 400) expect(JSON.parse(body).type, label).toMatch(/^urn:quietframe:problem:[a-z-]+$/);
}

it('answers odd queries and headers', async () => {
  const below = numbers(99);
  const pick = (list: readonly string[]): string => list[below(list.length)] ?? '';
  for (let index = 0; index < CASES; index++) {
    const pairs = Array.from(
      { length: below(4) },
      () => `${pick(NAMES)}${pick(['=', '==', '', '%3D'])}${pick(VALUES)}`,
    );
    const url = `${pick(PATHS)}${pick(['?', '?', '/?', '%3F'])}${pairs.join(pick(['&', ';', '&&']))}`;
    const headers = Object.fromEntries(
      Array.from({ length: below(4) }, () => [
        pick(HEADERS),
        mutate(Buffer.from(pick([...VALUES, 'u=1', 'wait=1', 'bytes=0-5', '*/*', '100-continue'])), below)
          .toString('latin1')
          .replace(/[^\x20-\x7e]/g, '?'),
      ]),
    );
    const method = (['GET', 'POST', 'PUT', 'DELETE', 'HEAD'] as const)[below(5)] ?? 'GET';
    const payload = method === 'GET' || method === 'HEAD' ? {} : { payload: Buffer.from(good) };
    const answer = await app.inject({
      method,
      url,
      headers: { 'content-type': 'image/x-exr', ...headers },
      ...payload,
    });
    if (method !== 'HEAD') checkAnswer(answer, `case ${index}: ${method} ${url}`);
  }
  await checkUnharmed();
});

it('answers odd JSON', async () => {
  const below = numbers(2027);
  const digest = 'a'.repeat(64);
  const bodies = [
    { frames: [digest], center: 0, alpha: 'copy' },
    { sequence: [digest, digest], window: 3, lambda: 1 },
    { windows: [{ frames: [digest], halves: [digest, digest] }], model: 'kpcn' },
  ].map((body) => Buffer.from(JSON.stringify(body)));
  const words = [
    'null',
    '{}',
    '[]',
    '1e999',
    '"__proto__"',
    '\\u0000',
    '\u{1F600}',
    '[[[[[[',
    'true',
    ',',
    '"',
  ];
  for (let index = 0; index < CASES; index++) {
    const body = mutate(bodies[below(bodies.length)] ?? Buffer.alloc(0), below);
    const at = below(body.length + 1);
    const word = below(2) === 0 ? (words[below(words.length)] ?? '') : '';
    const payload = Buffer.concat([body.subarray(0, at), Buffer.from(word), body.subarray(at)]);
    const url = ['/v1/denoise', '/v1/jobs', '/v1/sample-map'][below(3)] ?? '';
    const headers = { 'content-type': 'application/json' };
    checkAnswer(await app.inject({ method: 'POST', url, headers, payload }), `case ${index}: ${payload}`);
  }
  await checkUnharmed();
});
