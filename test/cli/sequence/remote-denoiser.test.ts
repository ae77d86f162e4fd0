import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { ServiceUnavailable } from '../../../src/cli/sequence/frame-denoiser.js';
import { RemoteDenoiser } from '../../../src/cli/sequence/remote-denoiser.js';
import { openSource } from '../../../src/exr/source.js';
import { fakeApp, listen } from '../../server/support.js';
import { makeExr } from '../../support/exr-files.js';

const RETRIES = { attempts: 3, busyAttempts: 4, backoffSeconds: 0.001, longestSeconds: 0.02 };
const file = (offset: number) =>
  openSource(makeExr({ value: () => 2 + offset }), { name: `s.${offset}.exr` });
const window = { center: file(0), neighbors: [{ offset: -1, value: file(-1) }] };
const signal = new AbortController().signal;
const opened: { close: () => unknown }[] = [];
afterEach(async () => {
  for (const thing of opened.splice(0)) await thing.close();
});

function remote(port: number, query: Readonly<Record<string, string>> = {}): RemoteDenoiser {
  const denoiser = new RemoteDenoiser(`http://127.0.0.1:${port}/`, query, RETRIES);
  opened.push(denoiser);
  return denoiser;
}

/** A service that answers each request with the next of the functions, and then with the last. */
async function serving(
  ...answers: ((request: IncomingMessage, response: ServerResponse) => void)[]
): Promise<{ port: number; count: () => number }> {
  let count = 0;
  const server: Server = createServer((request, response) => {
    const answer = answers[Math.min(count++, answers.length - 1)];
    request.resume().on('end', () => answer?.(request, response));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  opened.push(server);
  return { port: (server.address() as AddressInfo).port, count: () => count };
}
const refuse =
  (status: number, headers: Record<string, string> = {}) =>
  (_: IncomingMessage, response: ServerResponse): void => {
    response.writeHead(status, headers).end(JSON.stringify({ detail: `because of ${status}` }));
  };
const hangUp = (request: IncomingMessage): void => {
  request.socket.destroy();
};

describe('a remote denoiser', () => {
  it('sends the window and gets report and file', async () => {
    const { app, service } = await fakeApp();
    const { exr, report } = await remote(await listen(app), { source: 'mitsuba' }).denoise(window, signal);
    expect(report).toMatchObject({ model: 'kpcn', windowUsed: 1 });
    expect(exr.length).toBeGreaterThan(100);
    const [request] = service.requests;
    expect(request?.source).toBe('mitsuba');
    expect(Buffer.from(request?.exr ?? []).equals(window.center.bytes)).toBe(true);
    expect(request?.neighbors?.map(({ offset }) => offset)).toEqual([-1]);
  });

  it('sends each frame once, and again when the service has let go of it', async () => {
    const { app } = await fakeApp();
    const puts: string[] = [];
    app.addHook('onRequest', (request, _, done) => {
      if (request.method === 'PUT') puts.push(request.url);
      done();
    });
    const denoiser = remote(await listen(app));
    const longer = { ...window, neighbors: [...window.neighbors, { offset: 1, value: file(1) }] };
    await denoiser.denoise(window, signal);
    await denoiser.denoise(longer, signal);
    expect([puts.length, new Set(puts).size]).toEqual([3, 3]);
    await app.inject({ method: 'DELETE', url: puts[0] as string });
    await denoiser.denoise(longer, signal);
    expect([puts.length, new Set(puts).size]).toEqual([4, 3]);
  });

  it('sends the map of lambda with each frame, and once to a service that keeps it', async () => {
    const map = makeExr({ value: () => 5 });
    for (const frameCacheBytes of [0, 2 ** 20]) {
      const { app, service } = await fakeApp({ frameCacheBytes });
      const puts: string[] = [];
      app.addHook('onRequest', (request, _, done) => {
        if (request.method === 'PUT') puts.push(request.url);
        done();
      });
      const denoiser = new RemoteDenoiser(`http://127.0.0.1:${await listen(app)}`, {}, RETRIES, map);
      opened.push(denoiser);
      await denoiser.denoise(window, signal);
      await denoiser.denoise({ ...window, neighbors: [] }, signal);
      expect(service.requests.map(({ lambda, lambdaMap }) => [lambda, lambdaMap?.length])).toEqual([
        [undefined, map.length],
        [undefined, map.length],
      ]);
      if (frameCacheBytes > 0) expect(puts).toHaveLength(3);
    }
  });

  it('sends whole windows to a service that keeps no frames, or too few', async () => {
    for (const frameCacheBytes of [0, window.center.bytes.length]) {
      const { app, service } = await fakeApp({ frameCacheBytes });
      const { report } = await remote(await listen(app)).denoise(window, signal);
      expect(report.model).toBe('kpcn');
      expect(service.requests[0]?.neighbors).toHaveLength(1);
    }
  });

  it('tells at once what is wrong with a frame', async () => {
    const { app, service } = await fakeApp();
    const bad = remote(await listen(app)).denoise(
      { center: { ...window.center, bytes: new Uint8Array(9) }, neighbors: [] },
      signal,
    );
    await expect(bad).rejects.toMatchObject({ name: 'QuietframeError' });
    expect(service.requests).toHaveLength(0);
    const { port, count } = await serving(refuse(422));
    await expect(remote(port).denoise(window, signal)).rejects.toThrow('because of 422');
    expect(count()).toBe(1);
  });

  it('tells which file of the window an error is about, by its own name', async () => {
    const { port } = await serving((_, response) => {
      const type = 'urn:quietframe:problem:malformed-exr';
      response
        .writeHead(422)
        .end(JSON.stringify({ type, detail: 'no chunk in frame[0]', frame: 'frame[0]' }));
    });
    await expect(remote(port).denoise(window, signal)).rejects.toMatchObject({
      ...{ code: 'malformed-exr', details: { frame: 's.-1.exr' } },
      message: expect.stringMatching(/answered 422: no chunk in s\.-1\.exr$/),
    });
    const later = await serving((_, response) => {
      const type = 'urn:quietframe:problem:of-a-later-version';
      response.writeHead(422).end(JSON.stringify({ type, detail: 'no', frame: 'frame[7]' }));
    });
    await expect(remote(later.port).denoise(window, signal)).rejects.toMatchObject({
      ...{ code: 'malformed-request', details: {} },
    });
  });

  it('sends its token with frames and windows, and is lost without the right one', async () => {
    const seen = new Set<string | undefined>();
    const { port } = await serving((request, response) => {
      seen.add(request.headers.authorization);
      const digest = createHash('sha256').update(window.center.bytes).digest('hex');
      if (request.method === 'PUT') refuse(401)(request, response);
      else response.writeHead(404).end(JSON.stringify({ detail: 'missing', missing: [digest] }));
    });
    const url = `http://127.0.0.1:${port}`;
    const denoiser = new RemoteDenoiser(url, {}, RETRIES, undefined, 'secret');
    opened.push(denoiser);
    await expect(denoiser.denoise(window, signal)).rejects.toThrow(ServiceUnavailable);
    expect([...seen]).toEqual(['Bearer secret']);
  });

  it('waits for a busy service, and gives it up when it stays busy', async () => {
    const { port, count } = await serving(refuse(503, { 'retry-after': '1' }));
    await expect(remote(port).denoise(window, signal)).rejects.toThrow(ServiceUnavailable);
    expect(count()).toBe(RETRIES.busyAttempts);
    const soon = await serving(refuse(429), refuse(503), refuse(404));
    await expect(remote(soon.port).denoise(window, signal)).rejects.toThrow('because of 404');
    expect(soon.count()).toBe(3);
  });

  it('tries again when the service breaks off, and is lost when it stays away', async () => {
    const { port, count } = await serving(hangUp);
    await expect(remote(port).denoise(window, signal)).rejects.toThrow(ServiceUnavailable);
    expect(count()).toBe(RETRIES.attempts);
    await expect(remote(1).denoise(window, signal)).rejects.toThrow('does not answer');
  });

  it('gives up the frame, not the service, after answers of 500', async () => {
    const { port, count } = await serving(refuse(500));
    await expect(remote(port).denoise(window, signal)).rejects.toThrow('because of 500');
    expect(count()).toBe(RETRIES.attempts);
  });

  it('does not take another answer for a file', async () => {
    const { port } = await serving((_, response) => response.end('hello'));
    await expect(remote(port).denoise(window, signal)).rejects.toThrow('not a report and a file');
  });

  it('ends when it is cancelled', async () => {
    const abort = new AbortController();
    const { port } = await serving(() => abort.abort());
    await expect(remote(port).denoise(window, abort.signal)).rejects.toMatchObject({ code: 'cancelled' });
  });
});
