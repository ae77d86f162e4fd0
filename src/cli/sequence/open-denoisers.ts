import type { Config } from '../../config.js';
import type { ExrPool } from '../../exr/pool.js';
import { queryOf } from '../../files/parameters.js';
import { tellRefusals, type WorkerFlags } from '../options.js';
import type { FrameDenoiser } from './frame-denoiser.js';
import { DEFAULT_RETRIES, RemoteDenoiser } from './remote-denoiser.js';
import type { Sequence } from './run-sequence.js';
import { readToken } from './service-token.js';

interface DenoiserFlags extends WorkerFlags {
  readonly server?: readonly string[];
  readonly tokenFile?: string;
}

/**
 * Opens the services of a command line, or else this process, to denoise the frames of a shot.
 * @throws QuietframeError as `readToken` and `Denoiser.load`.
 */
export async function openDenoisers(
  { request }: Sequence,
  flags: DenoiserFlags,
  config: Config,
  pool: ExrPool,
): Promise<{ denoisers: readonly FrameDenoiser[]; close: () => Promise<unknown> }> {
  if (flags.server !== undefined) {
    const token = await readToken(flags.tokenFile);
    const remotes = flags.server.map(
      (url) => new RemoteDenoiser(url, queryOf(request), DEFAULT_RETRIES, request.lambdaMap, token),
    );
    return { denoisers: remotes, close: () => Promise.all(remotes.map((remote) => remote.close())) };
  }
  // The engine is large: only what needs it loads it.
  const [{ Denoiser }, { LocalDenoiser }] = await Promise.all([
    import('../../denoise/denoiser.js'),
    import('./local-denoiser.js'),
  ]);
  const denoiser = await Denoiser.load({
    modelsDirectory: config.modelsDirectory,
    threads: flags.threads ?? config.threads,
    memoryBudgetBytes: config.memoryBudgetBytes,
    featureCacheBytes: config.featureCacheBytes,
    device: flags.device ?? config.device,
    engine: flags.engine ?? config.engine,
  });
  tellRefusals(denoiser.deviceRefusals);
  return {
    denoisers: [new LocalDenoiser(request, pool, denoiser, config.decodedCacheBytes)],
    close: () => denoiser.close(),
  };
}
