import { type Command, Option } from 'commander';
import { type Config, checkMemory, exrLimits, readConfig, SETTINGS } from '../../config.js';
import { QuietframeError } from '../../errors.js';
import { ExrPool } from '../../exr/pool.js';
import type { Setting } from '../../setting.js';
import { browserUrl, openBrowser } from '../open-browser.js';
import { tellRefusals } from '../options.js';

type ServeFlags = Partial<Record<keyof Config, string>> & {
  readonly open?: boolean;
  readonly stopWithInput?: boolean;
};

/** `quietframe serve`: every setting is a flag. */
export function serveCommand(program: Command): void {
  const command = program.command('serve').description('answer HTTP and gRPC requests until told to stop');
  for (const [key, setting] of Object.entries<Setting<unknown>>(SETTINGS)) {
    const { flag, unit, description, choices, advanced = false } = setting;
    const option = new Option(`--${flag} <${unit}>`, description).default(undefined, shownDefault(setting));
    if (choices !== undefined) option.choices(choices).argParser((text) => text);
    option.attributeName = () => key;
    option.hideHelp(advanced);
    command.addOption(option);
  }
  command
    .option('--open', 'open the viewer in the browser')
    .option('--stop-with-input', 'stop when standard input ends, as with the caller')
    .addHelpText(
      'after',
      `
Each flag is a variable too (docs/settings.md): --max-upload is
${SETTINGS.maxUploadBytes.env}, but --${SETTINGS.otlpEndpoint.flag} is ${SETTINGS.otlpEndpoint.env}.`,
    )
    .action(runService);
}

/** Folders of the installation say nothing to those who ask. */
function shownDefault({ fallback, unit }: Setting<unknown>): string | undefined {
  if (fallback === undefined || unit === 'folder') return undefined;
  if (unit !== 'bytes') return String(fallback);
  const mebibytes = Number(fallback) / 2 ** 20;
  return mebibytes < 1024 ? `${Math.round(mebibytes)} MiB` : `${Math.round(mebibytes / 102.4) / 10} GiB`;
}

/**
 * What the service logs: lines of JSON are for programs, so that a person at a terminal, who has not asked for a level, sees the
 * address and warnings only.
 */
export function logLevelFor(config: Pick<Config, 'logLevel'>, isTerminal: boolean): Config['logLevel'] {
  return isTerminal && config.logLevel === SETTINGS.logLevel.fallback ? 'warn' : config.logLevel;
}

async function runService({ open = false, stopWithInput = false, ...flags }: ServeFlags): Promise<void> {
  const read = readConfig(undefined, flags);
  const isTerminal = process.stderr.isTTY && flags.logLevel === undefined;
  const config = { ...read, logLevel: logLevelFor(read, isTerminal) };
  checkMemory(config);
  // The service is large: the other commands do not load it.
  const [{ serve }, { DenoiseThread }, { PictureFilter }] = await Promise.all([
    import('../../server/main.js'),
    import('../../server/thread/denoise-thread.js'),
    import('../../files/filter/filter-picture.js'),
  ]);
  const { modelsDirectory, threads, memoryBudgetBytes, maxUploadBytes } = config;
  const { decodedCacheBytes, featureCacheBytes, device, engine } = config;
  const limits = { ...exrLimits(config), maxFileBytes: maxUploadBytes };
  const pool = new ExrPool({ limits });
  const denoiser = await DenoiseThread.start({
    ...{ modelsDirectory, threads, memoryBudgetBytes, limits },
    ...{ decodedCacheBytes, featureCacheBytes, device, engine },
  });
  tellRefusals(denoiser.deviceRefusals);
  const { filterFolder } = denoiser;
  const filter = filterFolder === undefined ? undefined : new PictureFilter(filterFolder, limits);
  try {
    const signal = stopWithInput ? endOfInput() : undefined;
    const listening = open ? (url: string) => openBrowser(browserUrl(url)) : undefined;
    await serve(
      config,
      { denoiseExr: denoiser.denoiseExr, pool, denoiser, ...(filter && { filter: filter.filter }) },
      { listening, signal },
    );
  } catch (error) {
    throw listenFailure(error, config) ?? error;
  } finally {
    await Promise.all([denoiser.close(), filter?.close(), pool.close()]);
  }
}

/** A signal for the end of standard input: the end of the process that started this one, even of one that crashes. */
function endOfInput(): AbortSignal {
  const controller = new AbortController();
  const { stdin } = process;
  stdin.on('end', () => controller.abort()).on('error', () => controller.abort());
  stdin.resume();
  // Another reason to stop must not wait for the input.
  if ('unref' in stdin) stdin.unref();
  return controller.signal;
}

function listenFailure(error: unknown, { host, port }: Config): QuietframeError | undefined {
  if (!(error instanceof Error && 'code' in error)) return undefined;
  const { code } = error;
  if (code !== 'EADDRINUSE' && code !== 'EACCES' && code !== 'EADDRNOTAVAIL' && code !== 'ENOTFOUND')
    return undefined;
  // There are two ports; where the error is about one, it says which.
  const used = 'port' in error ? Number(error.port) : port;
  if (code === 'EADDRINUSE') {
    const flag = used === port ? SETTINGS.port.flag : SETTINGS.grpcPort.flag;
    return new QuietframeError(
      'internal',
      `Port ${used} of ${host} is taken: use --${flag}`,
      {},
      { cause: error },
    );
  }
  const address = `${host}:${used}`;
  return new QuietframeError(
    'internal',
    `The address ${address} cannot be listened on: ${code}`,
    {},
    { cause: error },
  );
}
