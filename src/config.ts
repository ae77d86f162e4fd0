import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { expected, QuietframeError } from './errors.js';

/** Settings of the process. Every field has an environment variable; the command line overrides some of them. */
export interface Config {
  /** QUIETFRAME_HOST: address that the service listens on. */
  readonly host: string;
  /** QUIETFRAME_PORT: 0 takes a free port. */
  readonly port: number;
  /** QUIETFRAME_GRPC_PORT: port of the gRPC interface, 0 for a free one; there is none where it is not set. */
  readonly grpcPort: number | undefined;
  /** QUIETFRAME_MODELS: folder of the model bundles. */
  readonly modelsDirectory: string;
  /** QUIETFRAME_THREADS: threads of the neural network engine. */
  readonly threads: number;
  /** QUIETFRAME_MEMORY_BUDGET: bytes of the tiles that are being computed; the frame's planes come on top, see docs/memory.md. */
  readonly memoryBudgetBytes: number;
  /** QUIETFRAME_MAX_UPLOAD: bytes of one request's body. */
  readonly maxUploadBytes: number;
  /** QUIETFRAME_MAX_PIXELS: pixels of one part of a file. */
  readonly maxPixels: number;
  /** QUIETFRAME_CONCURRENCY: requests that are denoised at once; one already uses all threads. */
  readonly concurrency: number;
  /** QUIETFRAME_QUEUE: requests that may upload or wait beside those that run, before others are refused. */
  readonly queueLength: number;
  /** QUIETFRAME_UPLOAD_TIMEOUT: seconds in which a request must have arrived whole. */
  readonly uploadSeconds: number;
  /** QUIETFRAME_DRAIN: seconds that running requests get to finish after SIGTERM. */
  readonly drainSeconds: number;
  /** QUIETFRAME_FRAME_CACHE: bytes of frames that are kept in memory for requests that name them by digest. */
  readonly frameCacheBytes: number;
  /** QUIETFRAME_SPOOL: folder for frames that no longer fit into memory; there is none where it is not set. */
  readonly spoolFolder: string | undefined;
  /** QUIETFRAME_SPOOL_SIZE: bytes of frames that are kept there. */
  readonly spoolBytes: number;
  /** QUIETFRAME_LOG: `silent`, `error`, `warn`, `info` or `debug`. */
  readonly logLevel: LogLevel;
}

const LOG_LEVELS = ['silent', 'error', 'warn', 'info', 'debug'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

const GIB = 2 ** 30;

/**
 * Reads the settings from environment variables; what is not set has a default for one machine.
 * @throws QuietframeError `invalid-argument`, naming the variable.
 */
export function readConfig(environment: Readonly<Record<string, string | undefined>> = process.env): Config {
  const integer = (name: string, fallback: number, least: number, most: number): number => {
    const text = environment[name];
    if (text === undefined || text === '') return fallback;
    const value = Number(text);
    if (Number.isInteger(value) && value >= least && value <= most) return value;
    throw new QuietframeError('invalid-argument', expected(`an integer in [${least}, ${most}]`, name, text), {
      parameter: name,
    });
  };
  return {
    host: environment.QUIETFRAME_HOST || '127.0.0.1',
    port: integer('QUIETFRAME_PORT', 8080, 0, 65535),
    grpcPort: environment.QUIETFRAME_GRPC_PORT ? integer('QUIETFRAME_GRPC_PORT', 0, 0, 65535) : undefined,
    modelsDirectory: environment.QUIETFRAME_MODELS || fileURLToPath(new URL('../models', import.meta.url)),
    threads: integer('QUIETFRAME_THREADS', availableParallelism(), 1, 1024),
    memoryBudgetBytes: integer('QUIETFRAME_MEMORY_BUDGET', GIB / 2, 2 ** 26, Number.MAX_SAFE_INTEGER),
    maxUploadBytes: integer('QUIETFRAME_MAX_UPLOAD', GIB, 1, Number.MAX_SAFE_INTEGER),
    maxPixels: integer('QUIETFRAME_MAX_PIXELS', 2 ** 26, 1, 2 ** 28),
    concurrency: integer('QUIETFRAME_CONCURRENCY', 1, 1, 1024),
    queueLength: integer('QUIETFRAME_QUEUE', 16, 0, 1_000_000),
    uploadSeconds: integer('QUIETFRAME_UPLOAD_TIMEOUT', 300, 1, 86_400),
    drainSeconds: integer('QUIETFRAME_DRAIN', 30, 0, 86_400),
    frameCacheBytes: integer('QUIETFRAME_FRAME_CACHE', GIB, 0, Number.MAX_SAFE_INTEGER),
    spoolFolder: environment.QUIETFRAME_SPOOL || undefined,
    spoolBytes: integer('QUIETFRAME_SPOOL_SIZE', 16 * GIB, 0, Number.MAX_SAFE_INTEGER),
    logLevel: logLevel(environment.QUIETFRAME_LOG),
  };
}

function logLevel(text: string | undefined): LogLevel {
  if (text === undefined || text === '') return 'info';
  const level = LOG_LEVELS.find((name) => name === text);
  if (level !== undefined) return level;
  throw new QuietframeError(
    'invalid-argument',
    expected(`one of ${LOG_LEVELS.join(', ')}`, 'QUIETFRAME_LOG', text),
    { parameter: 'QUIETFRAME_LOG' },
  );
}
