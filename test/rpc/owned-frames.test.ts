import { createHash } from 'node:crypto';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { DenoiseRequestSchema, FileRole } from '../../src/server/gen/quietframe/v1/denoiser_pb.js';
import { expectProblem, fakeApp, post } from '../server/support.js';
import { makeExr } from '../support/exr-files.js';
import { collect, expectCode, failure, startRpc } from './support.js';

const folder = await mkdtemp(join(tmpdir(), 'quietframe-owned-'));
afterAll(() => rm(folder, { recursive: true }));
const sha = (bytes: Uint8Array | string): string => createHash('sha256').update(bytes).digest('hex');
const tokensFile = join(folder, 'tokens.json');
const tokens = ['artist', 'farm'].map((name) => ({ name, sha256: sha(name) }));
await writeFile(tokensFile, JSON.stringify({ tokens }));
const spoolFolder = join(folder, 'spool');

const { app, client } = await startRpc({ tokensFile, spoolFolder });
const as = (token: string) => ({ authorization: `Bearer ${token}` });
const PATH = '/v1/frames/{digest}';

async function put(token: string, bytes: Uint8Array): Promise<number> {
  const request = post(bytes, `/v1/frames/${sha(bytes)}`);
  const answer = await app.inject({
    ...request,
    method: 'PUT',
    headers: { ...request.headers, ...as(token) },
  });
  return answer.statusCode;
}
const ask = (method: 'HEAD' | 'DELETE', token: string, digest: string) =>
  app.inject({ method, url: `/v1/frames/${digest}`, headers: as(token) });
const head = async (token: string, digest: string): Promise<number> =>
  (await ask('HEAD', token, digest)).statusCode;
const send = (token: string, url: string, body: object) =>
  app.inject({
    method: 'POST',
    url,
    headers: { 'content-type': 'application/json', ...as(token) },
    payload: JSON.stringify(body),
  });

describe('frames of a token', () => {
  it('are neither seen nor used nor deleted by another', async () => {
    const exr = makeExr({ value: () => 1 });
    const digest = sha(exr);
    expect(await put('artist', exr)).toBe(201);
    expect([await head('artist', digest), await head('farm', digest)]).toEqual([200, 404]);
    expectProblem(await send('farm', '/v1/denoise', { frames: [digest] }), 'missing-frames');
    expectProblem(
      await send('farm', '/v1/jobs', { windows: [{ frames: [digest] }] }),
      'missing-frames',
      '/v1/jobs',
    );
    expectProblem(await ask('DELETE', 'farm', digest), 'not-found', PATH);
    expect((await send('artist', '/v1/denoise', { frames: [digest] })).statusCode).toBe(200);
  });

  it('stay when another deletes the same bytes', async () => {
    const exr = makeExr({ value: () => 2 });
    const digest = sha(exr);
    expect([await put('artist', exr), await put('farm', exr)]).toEqual([201, 201]);
    expect((await ask('DELETE', 'farm', digest)).statusCode).toBe(204);
    expect([await head('artist', digest), await head('farm', digest)]).toEqual([200, 404]);
  });

  it('include the results of its jobs', async () => {
    const exr = makeExr({ value: () => 3 });
    await put('artist', exr);
    const { id } = (await send('artist', '/v1/jobs', { windows: [{ frames: [sha(exr)] }] })).json();
    const get = (token: string, path = '') =>
      app.inject({ url: `/v1/jobs/${id}${path}`, headers: { ...as(token), accept: 'image/x-exr' } });
    await vi.waitFor(async () => expect((await get('artist')).json().state).toBe('done'), 20_000);
    const result = sha((await get('artist', '/result')).rawPayload);
    expect([await head('artist', result), await head('farm', result)]).toEqual([200, 404]);
    expectProblem(await get('farm', '/result'), 'not-found', '/v1/jobs/{id}/result');
  });

  it('are kept apart in gRPC calls', async () => {
    const exr = makeExr({ width: 20 });
    const denoise = (token: string, ...messages: MessageInitShape<typeof DenoiseRequestSchema>[]) =>
      collect(
        client.denoise(
          (async function* () {
            for (const message of messages) yield create(DenoiseRequestSchema, message);
          })(),
          { headers: as(token) },
        ),
      );
    const keeping = { role: FileRole.FRAME, sizeBytes: BigInt(exr.length), keep: true };
    const named = { role: FileRole.FRAME, sha256: sha(exr) };
    const optionsOf = (file: object) => ({ message: { case: 'options' as const, value: { files: [file] } } });
    await denoise('artist', optionsOf(keeping), { message: { case: 'chunk', value: exr } });
    expectCode(await failure(denoise('farm', optionsOf(named))), 'missing-frames');
    await denoise('artist', optionsOf(named));
    expect(await head('artist', sha(exr))).toBe(200);
  });

  it('are still those of its owner after a restart', async () => {
    const exr = makeExr({ value: () => 4 });
    await put('artist', exr);
    const { frames, framesOf } = app.context;
    await framesOf('artist').persist(sha(exr));
    expect((await readdir(spoolFolder)).some((name) => name.endsWith(`-${sha(exr)}.exr`))).toBe(true);
    expect(frames.has(sha(exr))).toBe(false);
    const { app: next } = await fakeApp({ tokensFile, spoolFolder });
    expect(['artist', 'farm'].map((name) => next.context.framesOf(name).has(sha(exr)))).toEqual([
      true,
      false,
    ]);
    expect(await next.context.framesOf('artist').get(sha(exr))).toEqual(new Uint8Array(exr));
  });
});

it('frames are shared where there are no tokens', async () => {
  const { app: open } = await fakeApp();
  const exr = makeExr();
  await open.context.framesOf('192.0.2.1').put(sha(exr), exr);
  expect(open.context.framesOf('192.0.2.2').has(sha(exr))).toBe(true);
});
