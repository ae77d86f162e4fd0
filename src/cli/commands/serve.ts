import type { Command } from 'commander';
import { type Config, readConfig } from '../../config.js';
import { QuietframeError } from '../../errors.js';
import { ExrPool } from '../../exr/exr-pool.js';
import { denoiseExr } from '../../workflow/denoise-exr.js';
import { parseInteger } from '../options.js';

interface Flags {
  readonly host?: string;
  readonly port?: number;
  readonly grpcPort?: number;
}

/** `quietframe serve`. */
export function serveCommand(program: Command): void {
  program
    .command('serve')
    .description('answer HTTP requests until told to stop')
    .option('--host <address>', 'address to listen on (default: 127.0.0.1)')
    .option('--port <n>', 'port to listen on, 0 for a free one (default: 8080)', (text) =>
      parseInteger(text, '--port', 0, 65535),
    )
    .option('--grpc-port <n>', 'port of the gRPC interface, 0 for a free one (default: no gRPC)', (text) =>
      parseInteger(text, '--grpc-port', 0, 65535),
    )
    .action(runService);
}

async function runService(flags: Flags): Promise<void> {
  const config = { ...readConfig(), ...flags };
  // The service and the engine are large: the other commands do not load them.
  const [{ serve }, { Denoiser }] = await Promise.all([
    import('../../server/main.js'),
    import('../../denoise/denoiser.js'),
  ]);
  const { modelsDirectory, threads, memoryBudgetBytes, maxPixels, maxUploadBytes } = config;
  const pool = new ExrPool({ limits: { maxPixels, maxFileBytes: maxUploadBytes } });
  const denoiser = await Denoiser.load({ modelsDirectory, threads, memoryBudgetBytes });
  try {
    await serve(config, { denoiseExr: (request) => denoiseExr(request, { pool, denoiser }), pool, denoiser });
  } catch (error) {
    throw listenFailure(error, config) ?? error;
  } finally {
    await Promise.all([denoiser.close(), pool.close()]);
  }
}

function listenFailure(error: unknown, { host, port }: Config): QuietframeError | undefined {
  if (!(error instanceof Error && 'code' in error)) return undefined;
  const { code } = error;
  if (code !== 'EADDRINUSE' && code !== 'EACCES' && code !== 'EADDRNOTAVAIL' && code !== 'ENOTFOUND')
    return undefined;
  // There are two ports; where the error is about one, it says which.
  const address = `${host}:${'port' in error ? error.port : port}`;
  return new QuietframeError(
    'internal',
    `The address ${address} could not be had (${code})`,
    {},
    { cause: error },
  );
}
