import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import type { FastifyInstance, InjectOptions } from 'fastify';
import { afterAll, expect } from 'vitest';
import type { ModelSummary } from '../../src/denoise/types.js';
import { ERROR_TABLE, type ErrorCode, QuietframeError } from '../../src/errors.js';
import { ExrPool } from '../../src/exr/pool.js';
import type { DenoiseExrRequest } from '../../src/files/denoise-file/types.js';
import { raster } from '../../src/image/raster.js';
import { buildApp } from '../../src/server/app.js';
import type { AppConfig } from '../../src/server/context.js';
import { OPENAPI } from '../../src/server/openapi/openapi.js';
import type { ServedExr, ServerDeps } from '../../src/server/service.js';

export const CONFIG: AppConfig = {
  maxUploadBytes: 2 ** 20,
  uploadMemoryBytes: 2 ** 30,
  concurrency: 1,
  queueLength: 4,
  frameMemoryBytes: 2 ** 30,
  tokensFile: undefined,
  otlpEndpoint: undefined,
  tlsCertificate: undefined,
  tlsKey: undefined,
  trustProxy: undefined,
  allowedHosts: undefined,
  maxConnections: 1024,
  leastRate: 1024,
  stallSeconds: 20,
  workSeconds: 60,
  callerPlaces: undefined,
  answerBytes: 2 ** 24,
  callerJobFrames: 32,
  eventStreams: 16,
  maxJobs: 8,
  maxJobFrames: 32,
  jobSeconds: 60,
  jobFolder: undefined,
  webhookHosts: undefined,
  webhookSecretFile: undefined,
  uploadSeconds: 20,
  frameCacheBytes: 2 ** 20,
  spoolFolder: undefined,
  spoolBytes: 2 ** 20,
  logLevel: 'silent',
};

const MODEL: Omit<ModelSummary, 'version'> = {
  name: 'kpcn',
  description: 'A stand-in',
  license: 'Apache-2.0',
  architecture: {
    inputChannels: 13,
    featureChannels: 32,
    blocks: 6,
    contextChannels: 8,
    embeddingChannels: 8,
    kernelSize: 21,
    levels: 3,
    compositorChannels: 16,
  },
  sources: ['cycles'],
  training: {},
  device: 'cpu',
};

/** A stand-in for the denoiser that halves the colour, with the same way through the workers and the same manners. */
export class FakeService {
  readonly pool = new ExrPool({ workers: 1 });
  /** While set, work hangs until its signal aborts or the promise resolves. */
  hold: Promise<void> | undefined;
  readonly requests: DenoiseExrRequest[] = [];
  running = 0;
  cancelled = 0;

  readonly deps: ServerDeps = {
    pool: this.pool,
    denoiser: {
      models: [1, 2].map((version) => ({ ...MODEL, version })),
    },
    denoiseExr: (request) => this.#denoise(request),
  };

  async #denoise(request: DenoiseExrRequest): Promise<ServedExr> {
    const { exr, signal } = request;
    this.requests.push(request);
    this.running++;
    try {
      if (this.hold !== undefined) await this.#wait(this.hold, signal);
      const options = signal === undefined ? {} : { signal };
      const image = await this.pool.read(exr, options);
      const part = image.parts[0];
      const planes = ['R', 'G', 'B'].map((name) => part?.planes.get(name));
      const halved = new Map<string, Float32Array>();
      for (const plane of planes) {
        if (plane === undefined)
          throw new QuietframeError('missing-layer', 'Expected colour', { layer: 'R' });
        halved.set(
          plane.name,
          Float32Array.from(plane.data, (value) => value / 2),
        );
      }
      const { dataWindow } = part ?? {};
      const width = (dataWindow?.xMax ?? 0) - (dataWindow?.xMin ?? 0) + 1;
      const height = (halved.get('R')?.length ?? 0) / width;
      const color = raster(width, height, 3);
      ['R', 'G', 'B'].forEach((name, c) => {
        color.data.set(halved.get(name) ?? [], c * width * height);
      });
      return {
        exr: await this.pool.replace(exr, new Map([[0, halved]]), options),
        color,
        report: {
          model: 'kpcn',
          version: 2,
          device: 'cpu',
          windowUsed: 1,
          warnings: [{ code: 'missing-albedo', message: 'There is no albedo' }],
          stages: { decode: 0.25, denoise: 1.5 },
          decoded: { hits: 2, misses: 1, bytes: 77 },
          features: { hits: 0, misses: 1, bytes: 5 },
        },
      };
    } finally {
      this.running--;
    }
  }

  async #wait(hold: Promise<void>, signal: AbortSignal | undefined): Promise<void> {
    const aborted = signal && once(signal, 'abort').then(() => 'aborted');
    if ((await Promise.race([hold, aborted ?? hold])) !== 'aborted') return;
    this.cancelled++;
    throw new QuietframeError('cancelled', 'Cancelled');
  }
}

/** A service without a port, closed after the tests of the file. */
export async function fakeApp(
  config: Partial<AppConfig> = {},
): Promise<{ app: FastifyInstance; service: FakeService }> {
  const service = new FakeService();
  const app = await buildApp(service.deps, { ...CONFIG, ...config });
  afterAll(async () => {
    await app.close();
    await service.pool.close();
  });
  return { app, service };
}

/** Listens on a free port of this machine and returns it. */
export async function listen(app: FastifyInstance): Promise<number> {
  await app.listen({ host: '127.0.0.1', port: 0 });
  return (app.server.address() as AddressInfo).port;
}

export function post(body: Uint8Array, url = '/v1/denoise'): InjectOptions {
  return { method: 'POST', url, headers: { 'content-type': 'image/x-exr' }, payload: Buffer.from(body) };
}

export const BOUNDARY = 'quiet-boundary';

/** A form of OpenEXR files. */
export function form(parts: readonly (readonly [name: string, bytes: Uint8Array])[]): Buffer {
  return Buffer.concat([
    ...parts.flatMap(([name, bytes]) => [
      Buffer.from(
        `--${BOUNDARY}\r\nContent-Disposition: form-data; name="${name}"; filename="${name}.exr"\r\n` +
          'Content-Type: image/x-exr\r\n\r\n',
      ),
      bytes,
      Buffer.from('\r\n'),
    ]),
    Buffer.from(`--${BOUNDARY}--\r\n`),
  ]);
}

export function postForm(payload: Buffer, url = '/v1/denoise'): InjectOptions {
  return {
    method: 'POST',
    url,
    headers: { 'content-type': `multipart/form-data; boundary=${BOUNDARY}` },
    payload,
  };
}

export interface AnswerParts {
  readonly statusCode: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: string;
}

const PROBLEM_KEYS = [
  'type',
  'title',
  'status',
  'detail',
  'instance',
  'parameter',
  'frame',
  'layer',
  'missing',
  'retryAfter',
];

/** Checks that an answer is the problem document of a code, holds no internals, and is in the description of the path. */
export function expectProblem(
  answer: AnswerParts,
  code: ErrorCode,
  path: keyof typeof OPENAPI.paths | undefined = '/v1/denoise',
): Record<string, string> {
  expect(answer.body).toContain(`urn:quietframe:problem:${code}`);
  expect(answer.statusCode).toBe(ERROR_TABLE[code].status);
  expect(answer.headers['content-type']).toBe('application/problem+json');
  const problem = JSON.parse(answer.body) as Record<string, string>;
  expect(problem).toMatchObject({
    type: `urn:quietframe:problem:${code}`,
    title: ERROR_TABLE[code].title,
    status: ERROR_TABLE[code].status,
  });
  expect(problem.detail?.length).toBeGreaterThan(10);
  expect(Object.keys(problem).filter((key) => !PROBLEM_KEYS.includes(key))).toEqual([]);
  expect(answer.body).not.toMatch(/node_modules|\.ts\b|\.js\b|FST_|\bat .*\(|stack/);
  if (path !== undefined) {
    const operations = Object.values(OPENAPI.paths[path]) as { responses?: Record<string, unknown> }[];
    expect(operations.some(({ responses }) => responses?.[answer.statusCode] !== undefined)).toBe(true);
  }
  return problem;
}
