import { availableParallelism, totalmem } from 'node:os';
import { fileURLToPath } from 'node:url';
import { invalidArgument } from './errors.js';
import { MEMORY_PARTS, processBytes, shareMemory, sumOfMemory } from './memory-shares.js';
import {
  advanced,
  choice,
  hosts,
  integer,
  optional,
  proxies,
  type Setting,
  targets,
  text,
} from './setting.js';

/** What networks and kernels run on; see docs/gpu.md. */
const DEVICES = ['cpu', 'webgpu', 'cuda', 'tensorrt', 'auto'] as const;
const ENGINES = ['onnx', 'tfjs'] as const;
const LOG_LEVELS = ['silent', 'error', 'warn', 'info', 'debug'] as const;

const GIB = 2 ** 30;
const MANY_BYTES = Number.MAX_SAFE_INTEGER;
const DAY = 86_400;
/** Shares of the memory where none are given. */
const USUAL = shareMemory(memory());

/** All settings and limits. There is no other place where one is defined. */
export const SETTINGS = {
  host: text('HOST', 'address', '127.0.0.1', 'address to listen on'),
  port: integer('PORT', 'port', 8080, [0, 65_535], 'port of HTTP, 0 for a free one'),
  grpcPort: optional(
    integer('GRPC_PORT', 'port', 0, [0, 65_535], 'port of gRPC, 0 for a free one; without, none'),
  ),
  tlsCertificate: optional(text('TLS_CERT', 'file', '', 'certificate chain (PEM) of both ports')),
  tlsKey: optional(text('TLS_KEY', 'file', '', 'private key of the certificate (PEM)')),
  tokensFile: optional(text('TOKENS', 'file', '', 'callers and quotas; without, anybody may call')),
  trustProxy: optional(proxies('TRUST_PROXY', 'proxies whose X-Forwarded-For is believed')),
  allowedHosts: optional(hosts('ALLOWED_HOSTS', 'names for Host and Origin beside local ones')),
  maxConnections: integer(
    'MAX_CONNECTIONS',
    'connections',
    2048,
    [1, 1_000_000],
    'open at once on each port',
  ),
  modelsDirectory: text(
    'MODELS',
    'folder',
    fileURLToPath(new URL('../models', import.meta.url)),
    'bundles of models, instead of those that ship',
  ),
  threads: integer('THREADS', 'threads', availableParallelism(), [1, 1024], 'threads of the networks'),
  device: choice('DEVICE', 'name', DEVICES, 'cpu', 'filters frames, alone and in windows'),
  engine: choice('ENGINE', 'name', ENGINES, 'onnx', 'runs the networks'),
  memoryBytes: integer('MEMORY', 'bytes', memory(), [2 ** 28, MANY_BYTES], 'memory of the whole process'),
  memoryBudgetBytes: advanced(
    integer(
      'MEMORY_BUDGET',
      'bytes',
      USUAL.memoryBudgetBytes,
      [2 ** 24, MANY_BYTES],
      'tiles in work; planes on top',
    ),
  ),
  decodedCacheBytes: advanced(
    integer(
      'DECODED_CACHE',
      'bytes',
      USUAL.decodedCacheBytes,
      [0, MANY_BYTES],
      'decoded frames that are kept',
    ),
  ),
  featureCacheBytes: advanced(
    integer('FEATURE_CACHE', 'bytes', USUAL.featureCacheBytes, [0, MANY_BYTES], 'features that are kept'),
  ),
  frameMemoryBytes: advanced(
    integer('FRAME_MEMORY', 'bytes', USUAL.frameMemoryBytes, [1, MANY_BYTES], 'all frames that are denoised'),
  ),
  uploadMemoryBytes: advanced(
    integer(
      'UPLOAD_MEMORY',
      'bytes',
      USUAL.uploadMemoryBytes,
      [1, MANY_BYTES],
      'bodies of all requests together',
    ),
  ),
  maxUploadBytes: integer('MAX_UPLOAD', 'bytes', USUAL.maxUploadBytes, [1, MANY_BYTES], 'body of a request'),
  maxPixels: integer('MAX_PIXELS', 'pixels', 2 ** 26, [1, 2 ** 28], 'one part of a file'),
  maxParts: advanced(integer('MAX_PARTS', 'parts', 1024, [1, 2 ** 16], 'parts of a file')),
  uploadSeconds: integer('UPLOAD_TIMEOUT', 'seconds', 300, [1, DAY], 'time for a request to arrive'),
  leastRate: advanced(
    integer('LEAST_RATE', 'bytes', 8192, [0, MANY_BYTES], 'a second, both ways; 0 for no limit'),
  ),
  stallSeconds: advanced(
    integer('STALL', 'seconds', 15, [1, DAY], 'time that a client may be slower than that'),
  ),
  workSeconds: advanced(integer('WORK_TIMEOUT', 'seconds', 3600, [1, DAY], 'time for the work on one frame')),
  concurrency: integer('CONCURRENCY', 'requests', 1, [1, 1024], 'at once; one uses all threads'),
  queueLength: integer('QUEUE', 'requests', 16, [0, 1_000_000], 'may wait beside those that run'),
  callerPlaces: advanced(
    optional(
      integer('CALLER_PLACES', 'requests', 0, [1, 1_000_000], 'of one address at once; without, 3/4 of all'),
    ),
  ),
  answerBytes: advanced(
    integer('ANSWER_MEMORY', 'bytes', USUAL.answerBytes, [0, MANY_BYTES], 'answers that are being read'),
  ),
  frameCacheBytes: integer(
    'FRAME_CACHE',
    'bytes',
    USUAL.frameCacheBytes,
    [0, MANY_BYTES],
    'frames and results in memory',
  ),
  spoolFolder: optional(text('SPOOL', 'folder', '', 'frames and results that do not fit there')),
  spoolBytes: integer('SPOOL_SIZE', 'bytes', 16 * GIB, [0, MANY_BYTES], 'frames and results in that folder'),
  maxJobs: integer('JOBS', 'jobs', 256, [0, 1_000_000], 'jobs that are kept'),
  maxJobFrames: integer('JOB_FRAMES', 'frames', 32_768, [1, 10_000_000], 'frames of all jobs'),
  callerJobFrames: advanced(
    integer(
      'CALLER_JOB_FRAMES',
      'frames',
      16_384,
      [1, 10_000_000],
      'frames of the unfinished jobs of a caller',
    ),
  ),
  eventStreams: advanced(
    integer('EVENT_STREAMS', 'streams', 256, [1, 1_000_000], 'streams of job events at once'),
  ),
  jobSeconds: integer('JOB_TTL', 'seconds', 3600, [1, 30 * DAY], 'a job is kept after its end'),
  jobFolder: optional(text('JOB_FOLDER', 'folder', '', 'records of jobs, for restarts; needs a spool')),
  webhookHosts: advanced(
    optional(targets('WEBHOOK_HOSTS', 'hosts that webhooks of jobs may call; without, none')),
  ),
  webhookSecretFile: advanced(
    optional(text('WEBHOOK_SECRET_FILE', 'file', '', 'secret that signs webhooks of jobs')),
  ),
  drainSeconds: integer('DRAIN', 'seconds', 30, [0, DAY], 'time for what runs after SIGTERM'),
  logLevel: choice('LOG', 'level', LOG_LEVELS, 'info', 'least level of the log'),
  otlpEndpoint: {
    ...optional(text('OTLP_ENDPOINT', 'URL', '', 'collector of OpenTelemetry traces, by HTTP')),
    env: 'OTEL_EXPORTER_OTLP_ENDPOINT',
  },
} as const satisfies Record<string, Setting<unknown>>;

/** Values of {@link SETTINGS}. */
export type Config = { readonly [Key in keyof typeof SETTINGS]: (typeof SETTINGS)[Key]['fallback'] };

/**
 * Reads the settings: a flag goes before its environment variable; what is neither has a default for one machine.
 * @param flags texts by setting.
 * @throws QuietframeError `invalid-argument`, naming the variable or the flag.
 */
export function readConfig(
  environment: Readonly<Record<string, string | undefined>> = process.env,
  flags: Readonly<Partial<Record<keyof Config, string>>> = {},
): Config {
  const given = Object.entries<Setting<unknown>>(SETTINGS).flatMap(([key, setting]) => {
    const flag = flags[key as keyof Config];
    if (flag !== undefined) return [[key, setting.parse(flag, `--${setting.flag}`)]];
    const variable = environment[setting.env];
    return variable ? [[key, setting.parse(variable, setting.env)]] : [];
  });
  const set = Object.fromEntries(given) as Partial<Config>;
  const usual = Object.entries(SETTINGS).map(([key, { fallback }]) => [key, fallback]);
  const shares = shareMemory(set.memoryBytes ?? SETTINGS.memoryBytes.fallback, set);
  const config = { ...(Object.fromEntries(usual) as Config), ...shares, ...set };
  return { ...config, callerPlaces: config.callerPlaces ?? usualCallerPlaces(config) };
}

/** A quarter of the places stays for others, whatever one address does. */
function usualCallerPlaces({ concurrency, queueLength }: Config): number {
  return Math.max(1, Math.floor(0.75 * (concurrency + queueLength)));
}

/**
 * Checks that all that a service may hold at once fits its memory.
 * @throws QuietframeError `invalid-argument`, with the parts of the sum.
 */
export function checkMemory(config: Config): void {
  const { memoryBytes, maxUploadBytes, uploadMemoryBytes } = config;
  const sum = sumOfMemory(config);
  if (sum > memoryBytes) {
    const parts = [...MEMORY_PARTS, 'frameMemoryBytes' as const].map(
      (key) => `${SETTINGS[key].flag} ${config[key]}`,
    );
    const name = `the sum of ${parts.join(', ')} and ${processBytes(memoryBytes)} of the process`;
    throw invalidArgument(`at most --${SETTINGS.memoryBytes.flag} ${memoryBytes}`, name, String(sum));
  }
  if (maxUploadBytes > uploadMemoryBytes) {
    const range = `at most --${SETTINGS.uploadMemoryBytes.flag} ${uploadMemoryBytes}`;
    throw invalidArgument(range, `--${SETTINGS.maxUploadBytes.flag}`, String(maxUploadBytes));
  }
}

/** What of the settings limits OpenEXR files. */
export function exrLimits({ maxPixels, maxParts }: Config): Pick<Config, 'maxPixels' | 'maxParts'> {
  return { maxPixels, maxParts };
}

/** The settings with their units by environment variable, for the log. They hold paths, but no secrets. */
export function describeConfig(config: Partial<Config>): Record<string, string> {
  const known = Object.entries<Setting<unknown>>(SETTINGS).filter(
    ([key]) => config[key as keyof Config] !== undefined,
  );
  return Object.fromEntries(
    known.map(([key, { env, unit }]) => [env, `${config[key as keyof Config]} ${unit}`]),
  );
}

/** The variable of a client's token. It is a secret and no setting, for settings are logged. */
export const CLIENT_TOKEN = 'QUIETFRAME_TOKEN';

/** The token that a client sends to services. */
export function clientToken(
  environment: Readonly<Record<string, string | undefined>> = process.env,
): string | undefined {
  return environment[CLIENT_TOKEN]?.trim() || undefined;
}

/** The Python that runs the helpers of the command line. */
export function pythonCommand(
  environment: Readonly<Record<string, string | undefined>> = process.env,
): string {
  return environment.PYTHON || 'python3';
}

/** Whether the process was started by an action of an Open Job Description session, which names its folder to actions. */
export function isInOpenjdSession(
  environment: Readonly<Record<string, string | undefined>> = process.env,
): boolean {
  return Boolean(environment.OPENJD_SESSION_WORKING_DIR);
}

/** What the process may have. Without a limit Node tells 0 or more than there is, depending on its version. */
function memory(): number {
  return Math.min(process.constrainedMemory() || Number.POSITIVE_INFINITY, totalmem());
}
