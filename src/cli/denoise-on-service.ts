import { Option } from 'commander';
import { CLIENT_TOKEN, type Config, exrLimits } from '../config.js';
import { invalidArgument, QuietframeError } from '../errors.js';
import { ExrPool } from '../exr/pool.js';
import { openSource } from '../exr/source.js';
import { type ParameterRequest, queryOf } from '../files/parameters.js';
import type { FileRole } from '../image/joined-parts.js';
import { joinAovFiles } from './aov-files.js';
import { Interrupted, Interruption } from './interrupted.js';
import type { WorkerFlags } from './options.js';
import { type DenoisedFrame, ServiceUnavailable } from './sequence/frame-denoiser.js';
import { DEFAULT_RETRIES, RemoteDenoiser } from './sequence/remote-denoiser.js';
import { readToken } from './sequence/service-token.js';

/** Which service denoises, and how it lets the caller in. */
export interface ServiceFlags extends WorkerFlags {
  readonly server?: string;
  readonly tokenFile?: string;
  readonly halfB?: string;
  readonly guide?: string;
}

/** What a service gets of a frame. */
export interface ServiceInput {
  readonly path: string;
  readonly exr: Uint8Array;
  readonly aovFiles: ReadonlyMap<FileRole, Uint8Array>;
  readonly aovPaths: ReadonlyMap<FileRole, string>;
  readonly parameters: ParameterRequest;
  readonly lambdaMap: Uint8Array | undefined;
}

export function serviceOptions(): Option[] {
  return [
    new Option('--server <url>', 'service that denoises; also --token-file').argParser(parseServer),
    // One line of help is for both of them.
    new Option('--token-file <file>', `token of the service; ${CLIENT_TOKEN} has it, too`).hideHelp(),
  ];
}

/**
 * A service has settings of its own, and gets one file.
 * @throws QuietframeError `invalid-argument` for options that it would not see, and a token without a service.
 */
export function checkServiceFlags(flags: ServiceFlags): void {
  if (flags.server === undefined) {
    if (flags.tokenFile !== undefined)
      throw invalidArgument('nothing without --server', '--token-file', flags.tokenFile);
    return;
  }
  const unseen = { 'half-b': flags.halfB, guide: flags.guide, threads: flags.threads };
  const settings = { device: flags.device, engine: flags.engine };
  for (const [name, value] of Object.entries({ ...unseen, ...settings }))
    if (value !== undefined) throw invalidArgument('nothing with --server', `--${name}`, String(value));
}

/**
 * Sends a frame to a service, with the layers of other files joined to it, and waits for the answer; busy services are
 * asked again.
 * @throws QuietframeError what the service finds wrong, naming the file; `file-system` where there is no service.
 */
export async function denoiseOnService(
  { path, exr, aovFiles, aovPaths, parameters, lambdaMap }: ServiceInput,
  server: string,
  tokenFile: string | undefined,
  config: Config,
): Promise<DenoisedFrame> {
  const token = await readToken(tokenFile);
  const interruption = new Interruption();
  const limits = exrLimits(config);
  const pool = new ExrPool({ limits });
  const service = new RemoteDenoiser(server, queryOf(parameters), DEFAULT_RETRIES, lambdaMap, token);
  try {
    const frame = await joinAovFiles(exr, aovFiles, pool, interruption.signal);
    const center = openSource(frame, { name: path, limits });
    return await service.denoise({ center, neighbors: [] }, interruption.signal);
  } catch (error) {
    if (interruption.explains(error)) throw new Interrupted(`${path}: stopped, nothing was written`);
    if (error instanceof ServiceUnavailable)
      throw new QuietframeError('file-system', error.message, { parameter: '--server' }, { cause: error });
    throw error instanceof QuietframeError ? withFileOf(error, path, new Map(aovPaths)) : error;
  } finally {
    interruption.release();
    await Promise.all([service.close(), pool.close()]);
  }
}

/** The error with the path of the file that it is about, unless the service's sentence has it. */
function withFileOf(
  error: QuietframeError,
  input: string,
  others: ReadonlyMap<string, string>,
): QuietframeError {
  const file = others.get(error.details.frame ?? '') ?? input;
  if (error.message.includes(file)) return error;
  return new QuietframeError(error.code, `${file}: ${error.message}`, error.details, { cause: error });
}

function parseServer(text: string): string {
  if (/^https?:/i.test(text) && URL.canParse(text)) return text;
  throw invalidArgument('the URL of a service', '--server', text);
}
