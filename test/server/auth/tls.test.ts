import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { fileURLToPath } from 'node:url';
import { createClient } from '@connectrpc/connect';
import { createGrpcTransport } from '@connectrpc/connect-node';
import { Agent, request } from 'undici';
import { expect, it, vi } from 'vitest';
import { readTls } from '../../../src/server/auth/tls.js';
import { DenoiserService } from '../../../src/server/gen/quietframe/v1/denoiser_pb.js';
import { GrpcServer } from '../../../src/server/rpc/grpc-server.js';
import { makeExr } from '../../support/exr-files.js';
import { fakeApp, listen } from '../support.js';

const at = (name: string): string => fileURLToPath(new URL(`../tls/${name}`, import.meta.url));
const FILES = { tlsCertificate: at('certificate.pem'), tlsKey: at('key.pem') };
const ca = await readFile(FILES.tlsCertificate);

it('speaks TLS on both ports, and nothing else', async () => {
  const { app } = await fakeApp(FILES);
  const port = await listen(app);
  const dispatcher = new Agent({ connect: { ca } });
  const answer = await request(`https://localhost:${port}/v1/denoise`, {
    method: 'POST',
    headers: { 'content-type': 'image/x-exr' },
    body: makeExr(),
    dispatcher,
  });
  expect(answer.statusCode).toBe(200);
  expect(answer.headers['strict-transport-security']).toMatch(/^max-age=\d+$/);
  await answer.body.dump();
  await dispatcher.close();
  await expect(request(`http://localhost:${port}/healthz/live`)).rejects.toThrow();

  const server = new GrpcServer(app.context, app.log);
  const grpc = await server.listen('127.0.0.1', 0);
  const transport = createGrpcTransport({ baseUrl: `https://localhost:${grpc.port}`, nodeOptions: { ca } });
  const { models } = await createClient(DenoiserService, transport).listModels({});
  expect(models.length).toBeGreaterThan(0);
  server.cancelAll();
  await server.close();
});

it('takes certificates that are renewed, on both ports, without a pause', { timeout: 60_000 }, async () => {
  const folder = await mkdtemp(join(tmpdir(), 'quietframe-tls-'));
  const files = { tlsCertificate: join(folder, 'tls.crt'), tlsKey: join(folder, 'tls.key') };
  await copyFile(FILES.tlsCertificate, files.tlsCertificate);
  await copyFile(FILES.tlsKey, files.tlsKey);
  const { app } = await fakeApp(files);
  const server = new GrpcServer(app.context, app.log);
  const ports = [await listen(app), (await server.listen('127.0.0.1', 0)).port];
  /** What the certificates of the ports are. */
  const shown = (): Promise<Buffer[]> =>
    Promise.all(
      ports.map(async (port) => {
        const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false });
        await once(socket, 'secureConnect');
        const { raw } = socket.getPeerX509Certificate() ?? {};
        socket.destroy();
        return raw ?? Buffer.alloc(0);
      }),
    );
  const [old, renewed] = [ca, await readFile(at('renewed-certificate.pem'))].map(
    (pem) => new X509Certificate(pem).raw,
  );
  expect(await shown()).toEqual([old, old]);
  // For a moment the key does not fit, and for longer the certificate is none.
  await writeFile(files.tlsCertificate, 'none');
  await copyFile(at('renewed-key.pem'), files.tlsKey);
  expect(await shown()).toEqual([old, old]);
  await copyFile(at('renewed-certificate.pem'), files.tlsCertificate);
  await vi.waitFor(async () => expect(await shown()).toEqual([renewed, renewed]), 30_000);
  await server.close();
  await rm(folder, { recursive: true });
});

it('refuses half of what it needs, and what is not a certificate', async () => {
  const { tlsCertificate, tlsKey } = FILES;
  const invalid = { code: 'invalid-argument' };
  expect(await readTls({ tlsCertificate: undefined, tlsKey: undefined })).toBeUndefined();
  await expect(readTls({ tlsCertificate, tlsKey: undefined })).rejects.toMatchObject(invalid);
  await expect(readTls({ tlsCertificate: undefined, tlsKey })).rejects.toMatchObject(invalid);
  await expect(readTls({ tlsCertificate: tlsKey, tlsKey })).rejects.toMatchObject(invalid);
  await expect(readTls({ tlsCertificate, tlsKey: at('none.pem') })).rejects.toMatchObject({
    code: 'file-system',
  });
});

it('sends headers that keep browsers from doing anything with what it answers', async () => {
  const { app } = await fakeApp();
  for (const url of ['/', '/v1/models', '/nothing', '/metrics']) {
    const { headers } = await app.inject(url);
    expect(headers).toMatchObject({
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
      'content-security-policy': expect.stringContaining("default-src 'none'"),
      'referrer-policy': 'no-referrer',
    });
    expect(headers['strict-transport-security']).toBeUndefined();
  }
});
