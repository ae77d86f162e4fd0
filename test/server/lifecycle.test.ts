import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { Agent, request } from 'undici';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { type ServeConfig, serve } from '../../src/server/main.js';
import { makeExr } from '../support/exr-files.js';
import { CONFIG, expectProblem, FakeService } from './support.js';

const exr = makeExr();
const agent = new Agent();
afterAll(() => agent.close());
const SERVE: ServeConfig = { ...CONFIG, host: '127.0.0.1', port: 0, drainSeconds: 10 };
const EXR = { 'content-type': 'image/x-exr' };

interface Running {
  readonly service: FakeService;
  readonly origin: string;
  readonly stop: () => void;
  readonly done: Promise<void>;
}

/** A service that listens; `serve` writes its address to standard output. */
async function start(config: Partial<ServeConfig> = {}, service = new FakeService()): Promise<Running> {
  const written: string[] = [];
  const write = vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    written.push(String(text));
    return true;
  });
  const controller = new AbortController();
  const done = serve({ ...SERVE, ...config }, service.deps, { signal: controller.signal }).finally(() =>
    service.pool.close(),
  );
  done.catch(() => {});
  await vi.waitFor(() => expect(written.join('')).toContain('\n'), 10_000);
  write.mockRestore();
  const line = /^quietframe listening on (http:\/\/127\.0\.0\.1:\d+)\n$/.exec(written.join(''));
  return { service, origin: line?.[1] ?? '', stop: () => controller.abort(), done };
}

async function status(url: string): Promise<number> {
  const answer = await request(url, { dispatcher: agent });
  await answer.body.dump();
  return answer.statusCode;
}

function denoise(origin: string): ReturnType<typeof request> {
  return request(`${origin}/v1/denoise`, { method: 'POST', headers: EXR, body: exr, dispatcher: agent });
}

describe('serve', () => {
  it('is live at once, and ready after it has denoised a frame by itself', async () => {
    const service = new FakeService();
    let release = (): void => {};
    service.hold = new Promise((resolve) => {
      release = resolve;
    });
    const { origin, stop, done } = await start({}, service);
    expect(await status(`${origin}/healthz/live`)).toBe(200);
    expect(await status(`${origin}/healthz/startup`)).toBe(503);
    expect(await status(`${origin}/healthz/ready`)).toBe(503);
    release();
    await vi.waitFor(async () => expect(await status(`${origin}/healthz/ready`)).toBe(200), 10_000);
    expect(await status(`${origin}/healthz/startup`)).toBe(200);
    expect(service.requests).toHaveLength(1);
    stop();
    await done;
  });

  it('fails when it cannot denoise', async () => {
    const service = new FakeService();
    const broken = { ...service.deps, denoiseExr: () => Promise.reject(new Error('no model')) };
    vi.spyOn(process.stdout, 'write').mockImplementation(() => true);
    await expect(serve(SERVE, broken)).rejects.toThrow('no model');
    vi.restoreAllMocks();
    await service.pool.close();
  });

  it('fails when the port is taken', async () => {
    const first = await start();
    const service = new FakeService();
    const port = Number(new URL(first.origin).port);
    await expect(serve({ ...SERVE, port }, service.deps)).rejects.toMatchObject({ code: 'EADDRINUSE' });
    await service.pool.close();
    first.stop();
    await first.done;
  });

  it('sends an answer to its end that its client reads slowly', async () => {
    const { service, origin, stop, done } = await start({ maxUploadBytes: 2 ** 26, answerBytes: 2 ** 26 });
    await vi.waitFor(async () => expect(await status(`${origin}/healthz/ready`)).toBe(200), 10_000);
    const large = makeExr({ width: 1500, height: 1000, value: (index) => Math.sin(index * index) });
    const client = connect(Number(new URL(origin).port), '127.0.0.1');
    const chunks: Buffer[] = [];
    client
      .on('error', () => {})
      .once('data', (chunk) => {
        chunks.push(chunk);
        client.pause();
      });
    client.write(
      `POST /v1/denoise HTTP/1.1\r\nHost: x\r\nContent-Type: image/x-exr\r\nContent-Length: ${large.length}\r\n\r\n`,
    );
    client.write(large);
    await vi.waitFor(() => expect([service.requests.length, service.running]).toEqual([2, 0]), 30_000);
    // Its answer is written as far as its connection takes it.
    await vi.waitFor(() => expect(chunks).toHaveLength(1), 10_000);
    stop();
    await expect(request(`${origin}/healthz/live`)).rejects.toThrow();
    client.on('data', (chunk) => chunks.push(chunk)).resume();
    await once(client, 'end');
    client.end();
    const answer = Buffer.concat(chunks);
    const body = answer.indexOf('\r\n\r\n') + 4;
    const length = Number(/content-length: (\d+)/i.exec(answer.subarray(0, body).toString())?.[1]);
    expect(length).toBeGreaterThan(10 * 2 ** 20);
    expect(answer.length - body).toBe(length);
    await done;
  }, 60_000);

  it('lets running requests finish, and takes no new ones', async () => {
    const { service, origin, stop, done } = await start();
    await vi.waitFor(async () => expect(await status(`${origin}/healthz/ready`)).toBe(200), 10_000);
    let release = (): void => {};
    service.hold = new Promise((resolve) => {
      release = resolve;
    });
    const running = denoise(origin);
    await vi.waitFor(() => expect(service.running).toBe(1), 10_000);
    const waiting = denoise(origin);
    // A connection that is open already still gets through while the service drains.
    const late = connect(Number(new URL(origin).port), '127.0.0.1');
    await once(late, 'connect');
    late.write('POST /v1/denoise HTTP/1.1\r\nHost: x\r\nContent-Type: image/x-exr\r\n');
    await vi.waitFor(
      async () => {
        const answer = await request(`${origin}/metrics`, { dispatcher: agent });
        expect(await answer.body.text()).toMatch(/^quietframe_queue_depth 1$/m);
      },
      { timeout: 10_000 },
    );
    stop();
    late.write(`Content-Length: ${exr.length}\r\n\r\n`);
    let text = '';
    late.on('data', (chunk) => {
      text += chunk.toString();
    });
    await vi.waitFor(() => expect(text).toContain('}'), 10_000);
    expect(text).toMatch(/^HTTP\/1\.1 503 /);
    expect(text).toMatch(/^retry-after: \d+\r$/im);
    expect(text).toContain('urn:quietframe:problem:overloaded');
    late.destroy();
    await expect(request(`${origin}/healthz/live`)).rejects.toThrow();
    release();
    for (const answer of [await running, await waiting]) {
      expect(answer.statusCode).toBe(200);
      expect(answer.headers.connection).toBe('close');
      await answer.body.dump();
    }
    await done;
  });

  it('cancels what has not finished when the time to drain is over', async () => {
    const { service, origin, stop, done } = await start({ drainSeconds: 0 });
    await vi.waitFor(async () => expect(await status(`${origin}/healthz/ready`)).toBe(200), 10_000);
    service.hold = new Promise(() => {});
    const running = denoise(origin);
    const failed = expect(running).rejects.toThrow();
    await vi.waitFor(() => expect(service.running).toBe(1), 10_000);
    stop();
    await failed;
    await done;
    await vi.waitFor(() => expect(service.cancelled).toBe(1), 10_000);
    expect(service.running).toBe(0);
  });

  it('leaves no listeners for signals behind', async () => {
    const before = [process.listenerCount('SIGTERM'), process.listenerCount('SIGINT')];
    const { stop, done } = await start();
    expect(process.listenerCount('SIGTERM')).toBe((before[0] ?? 0) + 1);
    stop();
    await done;
    expect([process.listenerCount('SIGTERM'), process.listenerCount('SIGINT')]).toEqual(before);
  });

  it.each(['SIGTERM', 'SIGINT'] as const)('finishes its requests and exits 0 on %s', async (signal) => {
    const dist = new URL('../../dist/', import.meta.url);
    const script = `
      const { setTimeout: sleep } = await import('node:timers/promises');
      const { ExrPool } = await import('${new URL('exr/pool.js', dist)}');
      const { serve } = await import('${new URL('server/main.js', dist)}');
      const pool = new ExrPool();
      const report = { model: 'kpcn', version: 1, device: 'cpu', warnings: [], stages: {} };
      let calls = 0;
      const denoiseExr = async ({ exr }) => {
        if (++calls > 1) {
          process.stdout.write('denoising\\n');
          await sleep(500);
        }
        return { exr, report };
      };
      await serve(${JSON.stringify(SERVE)}, { pool, denoiser: { models: [] }, denoiseExr });
      await pool.close();
    `;
    const child = spawn(process.execPath, ['--eval', `(async () => {${script}})()`], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
    const origin = String((await lines.next()).value).replace('quietframe listening on ', '');
    await vi.waitFor(async () => expect(await status(`${origin}/healthz/ready`)).toBe(200), 10_000);
    const running = denoise(origin);
    expect((await lines.next()).value).toBe('denoising');
    const exit = once(child, 'exit');
    child.kill(signal);
    const answer = await running;
    expect(answer.statusCode).toBe(200);
    expect(Buffer.from(await answer.body.arrayBuffer()).equals(exr)).toBe(true);
    expect(await exit).toEqual([0, null]);
  });
});

it('exits 0 when it has to stop while its networks run', async () => {
  const [main, models] = ['../../dist/cli/main.js', '../../models'].map((path) =>
    fileURLToPath(new URL(path, import.meta.url)),
  ) as [string, string];
  const frame = makeExr({ width: 640, height: 480 });
  const child = spawn(
    process.execPath,
    [main, 'serve', '--port', '0', '--models', models, '--log', 'error'],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...process.env, QUIETFRAME_DRAIN: '0' },
    },
  );
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  const origin = String((await lines.next()).value).replace('quietframe listening on ', '');
  await vi.waitFor(async () => expect(await status(`${origin}/healthz/ready`)).toBe(200), 20_000);
  const running = request(`${origin}/v1/denoise`, {
    ...{ method: 'POST', headers: EXR, body: frame, dispatcher: agent },
  }).catch(() => undefined);
  await vi.waitFor(
    async () => {
      const answer = await request(`${origin}/metrics`, { dispatcher: agent });
      expect(await answer.body.text()).toMatch(/^quietframe_requests_running 1$/m);
    },
    { timeout: 10_000, interval: 5 },
  );
  const exit = once(child, 'exit');
  child.kill('SIGTERM');
  expect(await exit).toEqual([0, null]);
  await (await running)?.body.dump();
});

it('answers unknown paths while it starts', async () => {
  const { origin, stop, done } = await start();
  const answer = await request(`${origin}/nothing`, { dispatcher: agent });
  const shown = { statusCode: answer.statusCode, headers: answer.headers, body: await answer.body.text() };
  expectProblem(shown, 'not-found', undefined);
  stop();
  await done;
});
