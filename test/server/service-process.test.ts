import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { Agent, request } from 'undici';
import { afterAll, expect, it, vi } from 'vitest';
import { SETTINGS } from '../../src/config.js';
import { readExr } from '../../src/exr/read-exr.js';
import { makeExr } from '../support/exr-files.js';

const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));
const dispatcher = new Agent();
const folder = await mkdtemp(join(tmpdir(), 'quietframe-service-'));
const running = new Set<ChildProcess>();
afterAll(async () => {
  for (const child of running) child.kill('SIGKILL');
  await dispatcher.close();
  await rm(folder, { recursive: true });
});

interface Service {
  readonly child: ChildProcess;
  readonly origin: string;
  readonly log: string[];
}

/** The built command line, once it is ready. */
async function serve(...flags: readonly string[]): Promise<Service> {
  const args = [MAIN, 'serve', '--port', '0', '--threads', '1', ...flags];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  running.add(child);
  child.once('exit', () => running.delete(child));
  const log: string[] = [];
  createInterface(child.stderr).on('line', (line) => log.push(line));
  const failed = once(child, 'exit').then(() => Promise.reject(new Error(log.join('\n'))));
  const [line] = (await Promise.race([once(createInterface(child.stdout), 'line'), failed])) as [string];
  failed.catch(() => {});
  const origin = line.replace('quietframe listening on ', '');
  await vi.waitFor(async () => expect((await get(`${origin}/healthz/ready`)).status).toBe(200), 60_000);
  return { child, origin, log };
}

async function get(url: string): Promise<{ readonly status: number; readonly body: Buffer }> {
  const answer = await request(url, { dispatcher });
  return { status: answer.statusCode, body: Buffer.from(await answer.body.arrayBuffer()) };
}

async function send(
  method: 'POST' | 'PUT',
  url: string,
  body: Uint8Array | string,
): Promise<{ readonly status: number; readonly body: Buffer }> {
  const headers = { 'content-type': typeof body === 'string' ? 'application/json' : 'image/x-exr' };
  const answer = await request(url, { method, headers, body, dispatcher });
  return { status: answer.statusCode, body: Buffer.from(await answer.body.arrayBuffer()) };
}

const noisy = (seed: number, width: number, height: number): Uint8Array =>
  makeExr({
    width,
    height,
    value: (index, channel) => Math.abs(Math.sin(index * 12.9 * seed + channel.length)),
  });

it('goes on with its jobs after it was killed, and loses no frame', async () => {
  const flags = ['--spool', join(folder, 'spool'), '--job-folder', join(folder, 'jobs')];
  const first = await serve(...flags);
  const shot = [1, 2, 3].map((seed) => noisy(seed, 120, 90));
  const sequence = shot.map((exr) => createHash('sha256').update(exr).digest('hex'));
  for (const [index, digest] of sequence.entries()) {
    expect((await send('PUT', `${first.origin}/v1/frames/${digest}`, shot[index] as Uint8Array)).status).toBe(
      201,
    );
  }
  const job = await send('POST', `${first.origin}/v1/jobs`, JSON.stringify({ sequence, window: 1 }));
  const { id } = JSON.parse(job.body.toString());
  const status = async ({ origin }: Service) =>
    JSON.parse((await get(`${origin}/v1/jobs/${id}`)).body.toString());
  await vi.waitFor(async () => expect((await status(first)).done).toBeGreaterThan(0), 60_000);
  first.child.kill('SIGKILL');
  await once(first.child, 'exit');

  const second = await serve(...flags);
  await vi.waitFor(async () => expect((await status(second)).state).toBe('done'), 60_000);
  const { frames } = await status(second);
  for (const [index, { result, digest }] of frames.entries()) {
    const { body } = await get(second.origin + result);
    expect(createHash('sha256').update(body).digest('hex')).toBe(digest);
    const direct = await send('POST', `${second.origin}/v1/denoise`, shot[index] as Uint8Array);
    expect(direct.body.equals(body)).toBe(true);
  }
  const exit = once(second.child, 'exit');
  second.child.kill('SIGTERM');
  expect(await exit).toEqual([0, null]);
});

it('prints every setting at its start, takes what is large and what is not a number, and keeps its memory', {
  timeout: 180_000,
}, async () => {
  const { origin, child, log } = await serve('--max-upload', '50000000', '--queue', '3');
  const settings = log.map((line) => JSON.parse(line)).find(({ msg }) => msg === 'Settings')?.settings;
  expect(settings).toMatchObject({
    QUIETFRAME_MAX_UPLOAD: '50000000 bytes',
    QUIETFRAME_QUEUE: '3 requests',
    QUIETFRAME_UPLOAD_TIMEOUT: '300 seconds',
  });
  const always = Object.values(SETTINGS).filter(({ fallback }) => fallback !== undefined);
  for (const { env } of always) expect(Object.keys(settings)).toContain(env);

  // 24 MB of which the denoiser reads little: everything else has to come back as it was.
  const channels = ['B', 'G', 'R', ...Array.from({ length: 497 }, (_, i) => `data.${i}`)];
  const large = makeExr({ width: 120, height: 100, channels, value: (index, name) => index + name.length });
  const answer = await send('POST', `${origin}/v1/denoise`, large);
  expect(answer.status).toBe(200);
  const [planes] = readExr(answer.body).parts;
  expect(planes?.planes.get('data.496')?.data[7]).toBe(7 + 'data.496'.length);
  const tooLarge = await send('POST', `${origin}/v1/denoise`, new Uint8Array(50_000_001));
  expect([tooLarge.status, tooLarge.body.toString()]).toEqual([413, expect.stringContaining('too-large')]);

  const odd = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -1e30, 1e30];
  const values = makeExr({ width: 40, height: 30, value: (index) => odd[index % 37] ?? 0.5 });
  const finite = readExr((await send('POST', `${origin}/v1/denoise`, values)).body).parts[0]?.planes;
  for (const name of ['R', 'G', 'B']) {
    const samples = [...(finite?.get(name)?.data ?? [Number.NaN])];
    expect(samples.every(Number.isFinite)).toBe(true);
  }

  // Many bytes, few of which the denoiser reads.
  const heavy = makeExr({
    width: 48,
    height: 48,
    channels: ['B', 'G', 'R', ...Array.from({ length: 40 }, (_, i) => `data.${i}`)],
    // Different in every channel, so that it does not compress.
    value: (index, name) => Math.abs(Math.sin((index + 1) * (Number(name.slice(5)) + 12.9) * 1e4)),
  });
  const many = async (count: number): Promise<void> => {
    for (let i = 0; i < count; i++) {
      expect((await send('POST', `${origin}/v1/denoise`, heavy)).status).toBe(200);
      expect((await send('POST', `${origin}/v1/denoise`, heavy.subarray(0, -9))).status).toBe(422);
    }
  };
  const resident = async (): Promise<number> =>
    Number(
      /^process_resident_memory_bytes (\S+)$/m.exec((await get(`${origin}/metrics`)).body.toString())?.[1],
    );
  await many(20);
  // The heap's high-water mark rises in leaps while it settles; what a request leaves behind for ever adds up in every batch.
  const growths: number[] = [];
  for (let batch = 0, before = await resident(); batch < 3; batch++) {
    await many(40);
    const after = await resident();
    growths.push(after - before);
    before = after;
  }
  // What is uploaded and answered in a batch is three times that.
  expect(Math.min(...growths)).toBeLessThan(40 * heavy.length);
  child.kill('SIGTERM');
});
