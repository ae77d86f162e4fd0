import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it, vi } from 'vitest';
import { makeExr } from '../support/exr-files.js';
import { collect, frames, messagesOf, startRpc } from './support.js';

const run = promisify(execFile);
const local = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

/** The first run installs grpcio, which takes as long as the network does. */
const INSTALL_MS = 300_000;

it('serves the client of another language', { timeout: INSTALL_MS }, async () => {
  const { service, port, client, app } = await startRpc({ maxUploadBytes: 2 ** 24 });
  const { stdout } = await run('bash', [local('../../scripts/grpc-python.sh')]);
  const environment = stdout.trim();
  const exr = makeExr({ width: 700, height: 500, channels: ['B', 'G', 'R'], value: Math.random });
  const denoise = service.deps.denoiseExr;
  vi.spyOn(service.deps, 'denoiseExr').mockImplementation((request) => {
    if (request.source === 'pbrt') service.hold = new Promise(() => {});
    return denoise(request);
  });
  const folder = await mkdtemp(join(tmpdir(), 'quietframe-python-'));
  try {
    const [noisy, denoised] = [join(folder, 'noisy.exr'), join(folder, 'denoised.exr')];
    await writeFile(noisy, exr);
    const python = join(environment, 'bin', 'python');
    const script = local('python-client.py');
    await run(python, [script, String(port), noisy, denoised, join(environment, 'stubs')]);
    expect(service.cancelled).toBe(1);
    service.hold = undefined;
    const { exr: expected } = await collect(client.denoise(messagesOf(frames(exr))));
    expect((await readFile(denoised)).equals(expected)).toBe(true);
    await vi.waitFor(() => expect(app.context.queue.places).toBe(0), 10_000);
  } finally {
    await rm(folder, { recursive: true });
  }
});
