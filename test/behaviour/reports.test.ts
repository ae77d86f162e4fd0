import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { MessageInitShape } from '@bufbuild/protobuf';
import { createClient } from '@connectrpc/connect';
import { createGrpcTransport } from '@connectrpc/connect-node';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { Denoiser } from '../../src/denoise/denoiser.js';
import { ExrPool } from '../../src/exr/pool.js';
import { denoiseExr } from '../../src/files/denoise-file/denoise-exr.js';
import { buildApp } from '../../src/server/app.js';
import {
  DenoiserService,
  FileRole,
  type PredictSampleMapRequestSchema,
} from '../../src/server/gen/quietframe/v1/denoiser_pb.js';
import { Lifecycle } from '../../src/server/lifecycle.js';
import { GrpcServer } from '../../src/server/rpc/grpc-server.js';
import { expectFullReport, expectReport } from '../files/report-schema.js';
import { collect, frames, messagesOf, type Options, sent } from '../rpc/support.js';
import { CONFIG, post } from '../server/support.js';
import { blenderParts, exrFile } from '../support/exr-files.js';

const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));
const folder = await mkdtemp(join(tmpdir(), 'quietframe-reports-'));
const at = (name: string): string => join(folder, name);
const pool = new ExrPool({ workers: 1 });
const modelsDirectory = fileURLToPath(new URL('../../models', import.meta.url));
const denoiser = await Denoiser.load({ modelsDirectory, threads: 1 });
const lifecycle = new Lifecycle();
lifecycle.ready();
const app = await buildApp(
  { denoiseExr: (request) => denoiseExr(request, { pool, denoiser }), pool, denoiser },
  { ...CONFIG, frameCacheBytes: 2 ** 24 },
  lifecycle,
);
const grpc = new GrpcServer(app.context, app.log);
const { port } = await grpc.listen('127.0.0.1', 0);
const client = createClient(DenoiserService, createGrpcTransport({ baseUrl: `http://127.0.0.1:${port}` }));
afterAll(async () => {
  grpc.cancelAll();
  await grpc.close();
  await app.close();
  await Promise.all([pool.close(), denoiser.close(), rm(folder, { recursive: true })]);
});

const PASSES = [
  'Combined.RGBA',
  'Denoising Albedo.RGB',
  'Vector.XYZW',
  'DiffDir.RGB',
  'DiffInd.RGB',
  'DiffCol.RGB',
];
const shot = [1, 2, 3].map((seed) =>
  exrFile(blenderParts('V', PASSES), (channel, i) =>
    channel.includes('Vector') ? 0 : Math.abs(0.5 + 0.4 * Math.sin(i * i * seed + channel.length)),
  ),
);

describe('reports have the fields of the schema', () => {
  it.each<[string, Options]>([
    ['a window', {}],
    ['a window in components', { parameters: { components: 'split' }, aovs: ['all'] }],
    ['kernels', { parameters: { outputs: 'kernels', pixels: '3,2', wrap: 'x' } }],
  ])('of %s over gRPC', async (_, options) => {
    const { report } = await collect(client.denoise(messagesOf(frames(...shot), options)));
    expectReport(report?.details);
  });

  it('of the maps that gRPC predicts', async () => {
    const [exr] = shot as [Uint8Array];
    const files = [{ role: FileRole.FRAME, sizeBytes: BigInt(exr.length) }];
    const parameters = { budget: '4', 'target-smape': '0.01', spp: '2', lambda: '2' };
    const answers = client.predictSampleMap(
      sent<MessageInitShape<typeof PredictSampleMapRequestSchema>>(
        { message: { case: 'options', value: { files, parameters } } },
        { message: { case: 'chunk', value: exr } },
      ),
    );
    let details: unknown;
    for await (const { message } of answers) if (message.case === 'report') details = message.value.details;
    expectReport(details);
  });

  it('of the frames of a job', async () => {
    const sequence: string[] = [];
    for (const exr of shot) {
      const digest = createHash('sha256').update(exr).digest('hex');
      await app.inject({ ...post(exr, `/v1/frames/${digest}`), method: 'PUT' });
      sequence.push(digest);
    }
    const headers = { 'content-type': 'application/json', accept: 'application/json' };
    const payload = JSON.stringify({ sequence, window: 3 });
    const { id } = (await app.inject({ method: 'POST', url: '/v1/jobs', headers, payload })).json();
    await vi.waitFor(
      async () => expect((await app.inject({ url: `/v1/jobs/${id}` })).json().state).toBe('done'),
      60_000,
    );
    for (const index of shot.keys()) {
      const { json, statusCode } = await app.inject({
        url: `/v1/jobs/${id}/results/${index}`,
        headers: { accept: 'application/json' },
      });
      expect(statusCode).toBe(200);
      expectReport(json());
    }
  });

  it.each([
    ['denoise', 'one.exr', '--half-b', 'two.exr', '--aovs', 'all', '--outputs', 'color,error,fireflies'],
    ['denoise', 'one.exr', '--upscale', '2', '--deblur', 'auto'],
    ['sample-map', 'one.exr', '--budget', '4', '--spp', '2'],
  ])('of %s %s %s', async (...args) => {
    for (const [i, name] of ['one.exr', 'two.exr'].entries())
      await writeFile(at(name), shot[i] as Uint8Array);
    const files = ['-o', 'out.exr', '--report', 'report.json', '--threads', '1'];
    await promisify(execFile)(process.execPath, [MAIN, ...args, ...files], { cwd: folder });
    expectFullReport(JSON.parse(await readFile(at('report.json'), 'utf8')));
  });
});
