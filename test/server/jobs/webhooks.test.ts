import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { Job, type JobSpec } from '../../../src/server/jobs/job.js';
import { WebhookTargets } from '../../../src/server/jobs/webhook-targets.js';
import { Webhooks } from '../../../src/server/jobs/webhooks.js';
import { makeExr } from '../../support/exr-files.js';
import { expectProblem, fakeApp, post } from '../support.js';

const SECRET = 'a secret of thirty-two bytes, or more';

interface Call {
  readonly path: string | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** Calls that have arrived, and what answers the next ones; 204 after that. */
const calls: Call[] = [];
let answers: ((response: ServerResponse) => void)[] = [];
const hook = createServer(async (request, response) => {
  let body = '';
  for await (const chunk of request) body += chunk;
  calls.push({ path: request.url, headers: request.headers, body });
  const answer = answers.shift();
  if (answer === undefined) response.writeHead(204).end();
  else answer(response);
});
hook.listen(0, '127.0.0.1');
await once(hook, 'listening');
const { port } = hook.address() as AddressInfo;
afterAll(() => hook.close());
beforeEach(() => {
  calls.length = 0;
  answers = [];
});

const warn = vi.fn();
const open: Webhooks[] = [];
function webhooks(hosts: string, delays: readonly number[] = [0, 0]): Webhooks {
  const made = new Webhooks({ hosts, secret: Buffer.from(SECRET), delays }, { warn });
  open.push(made);
  return made;
}
afterAll(() => Promise.all(open.map((each) => each.close())));
beforeEach(() => warn.mockClear());

function endedJob(webhook: string): Job {
  const spec: JobSpec = {
    ...{ id: '0b6f1f6e-5f6e-4c5e-8f0a-0123456789ab', owner: 'farm', created: '2026-01-01T00:00:00.000Z' },
    ...{ urgency: 4, parameters: {}, frames: [{ frames: [] }], webhook },
  };
  const type = 'urn:quietframe:problem:internal' as const;
  return new Job(spec, new Map([[0, { error: { type, title: '', status: 500, detail: '' } }]]));
}

const status =
  (code: number, headers: Record<string, string> = {}) =>
  (response: ServerResponse) =>
    void response.writeHead(code, headers).end('x'.repeat(100));
const reason = (): string => String(warn.mock.calls[0]?.[0].err);

describe('a webhook', () => {
  it('gets the status of the job, signed', async () => {
    await webhooks('127.0.0.1').notify(endedJob(`http://127.0.0.1:${port}/kitsu?project=a`));
    expect(calls).toHaveLength(1);
    const { path, headers, body } = calls[0] as Call;
    expect(path).toBe('/kitsu?project=a');
    expect(JSON.parse(body)).toMatchObject({
      event: 'job.ended',
      job: { id: '0b6f1f6e-5f6e-4c5e-8f0a-0123456789ab', state: 'failed', total: 1, failed: 1 },
    });
    expect(JSON.parse(body).job).not.toHaveProperty('frames');
    const [, time, signature] =
      /^t=(\d+),v1=([0-9a-f]{64})$/.exec(String(headers['quietframe-signature'])) ?? [];
    expect(signature).toBe(createHmac('sha256', SECRET).update(`${time}.${body}`).digest('hex'));
    expect(Math.abs(Number(time) - Date.now() / 1000)).toBeLessThan(3600);
    expect(headers['quietframe-delivery']).toMatch(/^[0-9a-f-]{36}$/);
    expect(warn).not.toHaveBeenCalled();
  });

  it('is called again after failures of its own, as the same delivery, and not for ever', async () => {
    answers = [status(503), (response) => void response.destroy()];
    await webhooks('127.0.0.1').notify(endedJob(`http://127.0.0.1:${port}/`));
    expect(calls).toHaveLength(3);
    expect(new Set(calls.map(({ headers }) => headers['quietframe-delivery'])).size).toBe(1);
    expect(warn).not.toHaveBeenCalled();
    answers = Array.from({ length: 9 }, () => status(500));
    await webhooks('127.0.0.1').notify(endedJob(`http://127.0.0.1:${port}/`));
    expect(calls).toHaveLength(6);
    expect(reason()).toContain('The host answered 500');
  });

  it.each([301, 302, 307, 308])('is not followed by %d to anywhere', async (code) => {
    answers = [status(code, { location: `http://127.0.0.1:${port}/elsewhere` })];
    await webhooks('127.0.0.1').notify(endedJob(`http://127.0.0.1:${port}/`));
    expect(calls.map(({ path }) => path)).toEqual(['/']);
    expect(reason()).toContain(`The host answered ${code}`);
  });

  it('that refuses is not called again', async () => {
    answers = [status(401)];
    await webhooks('127.0.0.1').notify(endedJob(`http://127.0.0.1:${port}/`));
    expect(calls).toHaveLength(1);
    expect(reason()).toContain('The host answered 401');
  });

  it('of a name that leads to a private address is called only where the address is listed', async () => {
    await webhooks('localhost').notify(endedJob(`http://localhost:${port}/`));
    expect(calls).toHaveLength(0);
    expect(reason()).toContain('a public address, or one of --webhook-hosts');
    await webhooks('localhost,127.0.0.0/8,::1').notify(endedJob(`http://localhost:${port}/`));
    expect(calls).toHaveLength(1);
  });

  it('whose host is no longer listed is not called', async () => {
    await webhooks('other.example').notify(endedJob(`http://127.0.0.1:${port}/`));
    expect(calls).toHaveLength(0);
    expect(reason()).toContain('a host of --webhook-hosts');
  });
});

describe('targets', () => {
  const targets = new WebhookTargets('kitsu.example,.studio.example,10.1.0.0/16,fd00::/8,192.0.2.7');

  it.each([
    ['https://kitsu.example/hook', 'https://KITSU.example:8443/'],
    ['http://a.b.studio.example/', 'https://kitsu.example./'],
    ['http://10.1.2.3/', 'http://[fd00::1]/'],
    ['http://192.0.2.7:9000/', 'http://0x0a.0x01.2.3/'],
  ])('are %s and %s', (...urls) => {
    for (const url of urls) expect(targets.check(url)).toBeInstanceOf(URL);
  });

  it.each([
    ...[
      'http://example.com/',
      'http://studio.example/',
      'http://evilkitsu.example/',
      'http://kitsu.example.com/',
    ],
    ...[
      'http://user:hunter2@kitsu.example/',
      'ftp://kitsu.example/',
      'file:///etc/passwd',
      'kitsu.example',
      '',
    ],
    ...[
      'http://10.2.0.1/',
      'http://127.0.0.1/',
      'http://[::1]/',
      'http://2130706433/',
      'http://[::ffff:10.2.0.1]/',
    ],
    ...[
      'http://169.254.169.254/latest',
      'http://kitsu.example@10.2.0.1/',
      `https://kitsu.example/${'a'.repeat(2048)}`,
    ],
  ])('are not %s', (url) => {
    expect(() => targets.check(url)).toThrow('webhook');
    expect(() => targets.check(url)).not.toThrow('hunter2');
  });

  it.each([
    ...[
      '127.0.0.1',
      '10.2.3.4',
      '169.254.169.254',
      '172.16.0.1',
      '192.168.1.1',
      '100.64.0.1',
      '0.0.0.0',
      '224.0.0.1',
    ],
    ...[
      '255.255.255.255',
      '::1',
      '::',
      'fe80::1',
      'fc00::1',
      '::ffff:127.0.0.1',
      '::ffff:10.2.0.1',
      '64:ff9b::a00:1',
    ],
    ...['2002:7f00:1::', '2001:db8::1', 'no address', ''],
  ])('do not lead to %s', (address) => {
    expect(targets.allows(address)).toBe(false);
  });

  it.each(['93.184.216.34', '2606:4700::1111', '10.1.255.255', 'fd12::1', '192.0.2.7'])(
    'may lead to %s',
    (address) => {
      expect(targets.allows(address)).toBe(true);
    },
  );
});

describe('the service', () => {
  const exr = makeExr();

  async function secretFile(text: string): Promise<string> {
    const path = join(await mkdtemp(join(tmpdir(), 'quietframe-webhook-')), 'secret');
    await writeFile(path, text);
    return path;
  }

  it('tells a webhook of the query or the body when a job has ended', async () => {
    const { app } = await fakeApp({
      webhookHosts: '127.0.0.1',
      webhookSecretFile: await secretFile(`${SECRET}\n`),
    });
    const url = `http://127.0.0.1:${port}/hook`;
    const answer = await app.inject(post(exr, `/v1/jobs?lambda=2&webhook=${encodeURIComponent(url)}`));
    expect(answer.statusCode).toBe(202);
    await vi.waitFor(() => expect(calls).toHaveLength(1));
    expect(JSON.parse(calls[0]?.body ?? '').job).toMatchObject({
      id: answer.json().id,
      state: 'done',
      done: 1,
    });
    const digest =
      answer.json().digest ?? (await app.inject(`/v1/jobs/${answer.json().id}`)).json().frames[0].digest;
    const body = { frames: [digest], webhook: url };
    const headers = { 'content-type': 'application/json' };
    const named = await app.inject({
      method: 'POST',
      url: '/v1/jobs',
      headers,
      payload: JSON.stringify(body),
    });
    expect(named.statusCode).toBe(202);
    await vi.waitFor(() => expect(calls).toHaveLength(2));
    const twice = await app.inject({
      ...{ method: 'POST', url: `/v1/jobs?webhook=${encodeURIComponent(url)}`, headers },
      payload: JSON.stringify(body),
    });
    expectProblem(twice, 'invalid-argument');
    expectProblem(
      await app.inject(post(exr, '/v1/jobs?webhook=http://169.254.169.254/')),
      'invalid-argument',
    );
    // A request that waits for its answer has no use for one.
    expectProblem(
      await app.inject(post(exr, `/v1/denoise?webhook=${encodeURIComponent(url)}`)),
      'unknown-parameter',
    );
  });

  it('has none unless it has hosts and a secret', async () => {
    const { app } = await fakeApp();
    const answer = await app.inject(post(exr, `/v1/jobs?webhook=http://127.0.0.1:${port}/`));
    expectProblem(answer, 'invalid-argument');
    expect(answer.json().detail).toContain('has no --webhook-hosts');
    await expect(fakeApp({ webhookHosts: 'kitsu.example' })).rejects.toThrow('--webhook-secret-file');
    const short = await secretFile('short');
    await expect(fakeApp({ webhookHosts: 'kitsu.example', webhookSecretFile: short })).rejects.toThrow(
      'at least 32 bytes',
    );
    await expect(fakeApp({ webhookSecretFile: short })).rejects.toThrow('--webhook-hosts');
  });
});
