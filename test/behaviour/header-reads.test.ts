import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { createClient } from '@connectrpc/connect';
import { createGrpcTransport } from '@connectrpc/connect-node';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { DenoiserService } from '../../src/server/gen/quietframe/v1/denoiser_pb.js';
import { collect, frames, messagesOf } from '../rpc/support.js';
import { blenderParts, exrFile } from '../support/exr-files.js';

const path = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url));
const MAIN = path('../../dist/cli/main.js');
const MODELS = path('../golden/tiny-bundle');
const COUNTER = ['--import', new URL('../support/count-headers.mjs', import.meta.url).href];
const NUMBERS = [1, 2, 3, 4, 5, 6, 7];

const folder = await mkdtemp(join(tmpdir(), 'quietframe-headers-'));
const running = new Set<ChildProcess>();
afterAll(async () => {
  for (const child of running) child.kill('SIGKILL');
  await rm(folder, { recursive: true });
});

/** A file of a shot that says which one it is. */
const shot = NUMBERS.map((number) => {
  const parts = blenderParts('V', ['Combined.RGBA', 'Denoising Albedo.RGB', 'Vector.XYZW']);
  const named = parts.map((part, i) =>
    i === 0 ? { ...part, attributes: { frameNumber: `frame ${number}` } } : part,
  );
  return exrFile(named, (channel, i) => (channel.includes('Vector') ? 0 : 0.4 + 0.1 * Math.sin(i * number)));
});
const names = NUMBERS.map((number) => `frame ${number}`);

/** Which threads have read the header of each file, once for each time. */
async function readsOf(log: string): Promise<ReadonlyMap<string, readonly number[]>> {
  const reads = new Map<string, number[]>();
  for (const line of (await readFile(log, 'utf8')).trim().split('\n')) {
    const [thread, ...name] = line.split(' ');
    reads.set(name.join(' '), [...(reads.get(name.join(' ')) ?? []), Number(thread)]);
  }
  return reads;
}

const run = promisify(execFile);
const environment = (log: string, models = MODELS) => ({
  ...process.env,
  QUIETFRAME_MODELS: models,
  HEADER_LOG: log,
});

async function cli(
  name: string,
  ...args: readonly string[]
): Promise<ReadonlyMap<string, readonly number[]>> {
  const log = join(folder, `${name}.log`);
  await run(process.execPath, [...COUNTER, MAIN, ...args], { env: environment(log) });
  return readsOf(log);
}

/** A service, once it is ready. @returns its log of headers, and where it listens. */
async function serve(
  models = MODELS,
): Promise<{ readonly log: string; readonly http: string; readonly grpc: string }> {
  const log = join(folder, `service-${running.size}.log`);
  const args = [...COUNTER, MAIN, 'serve', '--port', '0', '--grpc-port', '0', '--threads', '1'];
  const child = spawn(process.execPath, args, {
    env: environment(log, models),
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  running.add(child);
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  const address = async (): Promise<string> => {
    const { value, done } = await lines.next();
    if (done) throw new Error('The service ended');
    return value.replace('quietframe listening on ', '');
  };
  const [http, grpc] = [await address(), (await address()).replace('grpc:', 'http:')];
  await vi.waitFor(async () => expect((await fetch(`${http}/healthz/ready`)).status).toBe(200), 60_000);
  return { log, http, grpc };
}

describe('the header of a file is read once', () => {
  it('by the command line, for windows that slide over a shot', async () => {
    for (const [i, bytes] of shot.entries()) await writeFile(join(folder, `in.${i + 1}.exr`), bytes);
    const [input, output] = [join(folder, 'in.#.exr'), join(folder, 'out.#.exr')];
    const reads = await cli('sequence', 'sequence', input, '-o', output, '--window', '7', '--threads', '1');
    expect([...reads].sort()).toEqual(names.map((name) => [name, [0]]));
  });

  it('by the command line, for a frame with its half buffers', async () => {
    const [first, second] = [1, 2].map((number) => join(folder, `in.${number}.exr`)) as [string, string];
    const flags = ['--half-b', second, '-o', join(folder, 'one.exr'), '--threads', '1'];
    const reads = await cli('frame', 'denoise', first, ...flags);
    expect([...reads].sort()).toEqual(names.slice(0, 2).map((name) => [name, [0]]));
  });

  it('in each of two threads of a service: one checks it before its turn, the other denoises', async () => {
    const { log, http, grpc } = await serve();
    const onceInTwoThreads = async (): Promise<void> => {
      const reads = await readsOf(log);
      expect([...reads.keys()].sort()).toEqual(names);
      for (const threads of reads.values()) expect([threads.length, new Set(threads).size]).toEqual([2, 2]);
      // All files are denoised in one thread; the one that answers reads none.
      const denoising = [...reads.values()].reduce((all, threads) =>
        all.filter((each) => threads.includes(each)),
      );
      expect(denoising.length).toBeGreaterThan(0);
      expect([...reads.values()].flat()).not.toContain(0);
      await rm(log);
    };

    const body = new FormData();
    for (const bytes of shot) body.append('frame', new Blob([new Uint8Array(bytes)]), 'frame.exr');
    const answer = await fetch(`${http}/v1/denoise`, { method: 'POST', body });
    expect(answer.status).toBe(200);
    await answer.arrayBuffer();
    await onceInTwoThreads();

    const client = createClient(DenoiserService, createGrpcTransport({ baseUrl: grpc }));
    const { report } = await collect(client.denoise(messagesOf(frames(...shot), {}, 2 ** 16)));
    expect(report?.frames).toBe(7);
    await onceInTwoThreads();
  });

  it('for a picture to filter in no thread that answers', async () => {
    const { log, http } = await serve(path('../../models'));
    const headers = { 'content-type': 'image/x-exr' };
    const [picture] = shot as [Uint8Array];
    const answer = await fetch(`${http}/v1/filter?with=bilateral`, {
      ...{ method: 'POST', headers, body: new Uint8Array(picture) },
    });
    expect(answer.status).toBe(200);
    await answer.arrayBuffer();
    const threads = (await readsOf(log)).get('frame 1') ?? [];
    expect([threads.length, new Set(threads).size, threads.includes(0)]).toEqual([2, 2, false]);
  });
});
