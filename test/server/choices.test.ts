import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { createClient } from '@connectrpc/connect';
import { createGrpcTransport, Http2SessionManager } from '@connectrpc/connect-node';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { Denoiser } from '../../src/denoise/denoiser.js';
import { ExrPool } from '../../src/exr/pool.js';
import { denoiseExr } from '../../src/files/denoise-file/denoise-exr.js';
import { digestOf } from '../../src/io/sha256.js';
import { buildApp } from '../../src/server/app.js';
import { DenoiserService, ProblemSchema } from '../../src/server/gen/quietframe/v1/denoiser_pb.js';
import { Lifecycle } from '../../src/server/lifecycle.js';
import { GrpcServer } from '../../src/server/rpc/grpc-server.js';
import { prefilteredModels } from '../kpcn/prefilter-support.js';
import { collect, failure, frames, messagesOf } from '../rpc/support.js';
import { exrFile } from '../support/exr-files.js';
import { CONFIG, listen, post } from './support.js';

const local = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const folder = await mkdtemp(join(tmpdir(), 'quietframe-choices-'));
const pool = new ExrPool({ workers: 1 });
const denoiser = await Denoiser.load({ modelsDirectory: prefilteredModels(), threads: 1 });
const lifecycle = new Lifecycle();
lifecycle.ready();
const app = await buildApp(
  { denoiseExr: (request) => denoiseExr(request, { pool, denoiser }), pool, denoiser },
  CONFIG,
  lifecycle,
);
const origin = `http://127.0.0.1:${await listen(app)}`;
const server = new GrpcServer(app.context, app.log);
const baseUrl = `http://127.0.0.1:${(await server.listen('127.0.0.1', 0)).port}`;
const sessionManager = new Http2SessionManager(baseUrl);
const rpc = createClient(DenoiserService, createGrpcTransport({ baseUrl, sessionManager }));
afterAll(async () => {
  sessionManager.abort();
  server.cancelAll();
  await server.close();
  await app.close();
  await Promise.all([pool.close(), denoiser.close(), rm(folder, { recursive: true })]);
});

/** Two views, twice as wide as high, with noisy auxiliaries. */
const exr = exrFile(
  ['left', 'right'].map((view) => ({
    ...{ name: view, view, layers: ['RGB', 'albedo.RGB', 'normal.XYZ'] },
    window: { xMin: 0, yMin: 0, xMax: 47, yMax: 23 },
  })),
  (channel, i) => 0.5 + 0.3 * Math.sin(i * i * 0.7 + channel.charCodeAt(channel.length - 1)),
);
const digest = await digestOf(exr);

type Parameters = Readonly<Record<string, string>>;
type Answer = { readonly report: object } | { readonly code: string; readonly detail: string };

const problem = (document: { type: string; detail: string }): Answer => ({
  code: document.type.slice(document.type.lastIndexOf(':') + 1),
  detail: document.detail,
});

/** How the parameters are sent, each way to a report or to a problem. */
const SURFACES: Readonly<Record<string, (parameters: Parameters) => Promise<Answer>>> = {
  query: async (parameters) => {
    const { payload, headers, ...request } = post(exr, `/v1/denoise?${new URLSearchParams(parameters)}`);
    const answer = await app.inject({
      ...{ ...request, payload: payload as Buffer },
      headers: { ...headers, accept: 'application/json' },
    });
    return answer.statusCode === 200 ? { report: answer.json() } : problem(answer.json());
  },
  JSON: async (parameters) => {
    await app.inject({ ...post(exr, `/v1/frames/${digest}`), method: 'PUT' });
    const answer = await app.inject({
      ...{ method: 'POST', url: '/v1/denoise', payload: JSON.stringify({ frames: [digest], ...parameters }) },
      headers: { 'content-type': 'application/json', accept: 'application/json' },
    });
    return answer.statusCode === 200 ? { report: answer.json() } : problem(answer.json());
  },
  job: async (parameters) => {
    await app.inject({ ...post(exr, `/v1/frames/${digest}`), method: 'PUT' });
    const made = await app.inject({
      ...{ method: 'POST', url: '/v1/jobs', headers: { 'content-type': 'application/json' } },
      payload: JSON.stringify({ sequence: [digest], ...parameters }),
    });
    if (made.statusCode !== 201 && made.statusCode !== 202) return problem(made.json());
    const url = `/v1/jobs/${made.json().id}`;
    const ended = await vi.waitFor(async () => {
      const status = (await app.inject(url)).json();
      expect(['done', 'failed']).toContain(status.state);
      return status;
    }, 20_000);
    if (ended.state === 'failed') return problem(ended.frames[0].error);
    const answer = await app.inject({ url: `${url}/results/0`, headers: { accept: 'application/json' } });
    return { report: answer.json() };
  },
  gRPC: async (parameters) => {
    const call = collect(rpc.denoise(messagesOf(frames(exr), { parameters })));
    try {
      const { report } = await call;
      return { report: report?.details ?? {} };
    } catch {
      const [found] = (await failure(call)).findDetails(ProblemSchema);
      return problem({ type: String(found?.type), detail: String(found?.detail) });
    }
  },
  'the Python client': async (parameters) => {
    const path = join(folder, 'frame.exr');
    await writeFile(path, exr);
    const env = { ...process.env, PYTHONPATH: local('../../clients/python'), PYTHONDONTWRITEBYTECODE: '1' };
    const asked = [local('choices.py'), origin, path, JSON.stringify([parameters])];
    const { stdout } = await promisify(execFile)(process.env.PYTHON ?? 'python3', asked, { env });
    return JSON.parse(stdout)[0];
  },
};

/** A value of each parameter, what the report says with it and without it, and a wrong value with its error. */
const CHOICES = [
  ['encoder', 'color', { encoder: 'color' }, { encoder: 'generic' }, 'unheard-of', 'unheard-of'],
  ['view', 'right', { input: { view: 'right' } }, { input: { view: 'left' } }, 'middle', 'middle'],
  ['prefilter', 'off', { prefilter: 'off' }, { prefilter: 'on' }, 'maybe', 'maybe'],
  ['wrap', 'x', { wrap: 'x' }, { wrap: 'none' }, 'sideways', 'sideways'],
] as const;

describe.each(Object.entries(SURFACES))('through %s', (_, ask) => {
  it('nothing is chosen where nothing is asked for', async () => {
    const answer = await ask({});
    for (const [, , , without] of CHOICES) expect(answer).toMatchObject({ report: without });
  });

  it.each(CHOICES)('%s=%s arrives and has its effect, and a wrong value is named', async (...choice) => {
    const [parameter, value, with_, , wrong, named] = choice;
    expect(await ask({ [parameter]: value })).toMatchObject({ report: with_ });
    const refused = await ask({ [parameter]: wrong });
    expect(refused).toMatchObject({ detail: expect.stringContaining(named) });
    expect(refused).toMatchObject({ code: expect.stringMatching(/^(invalid-argument|missing-layer)$/) });
  });
});
