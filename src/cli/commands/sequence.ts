import type { Command } from 'commander';
import { CLIENT_TOKEN, type Config, exrLimits, readConfig } from '../../config.js';
import type { PrefilterChoice } from '../../denoise/clean-auxiliaries.js';
import { expected, QuietframeError } from '../../errors.js';
import { ExrPool } from '../../exr/exr-pool.js';
import { layersText } from '../../frame/resolve-layers.js';
import { checkFolder } from '../check-folder.js';
import {
  alphaOption,
  aovsOption,
  componentsOption,
  deviceOption,
  encoderOption,
  engineOption,
  type LayerFlags,
  lambdaOption,
  lambdaRequest,
  layerOption,
  modelOption,
  motionOption,
  notThere,
  parseInteger,
  prefilterOption,
  resolveOptions,
  sourceOption,
  tellRefusals,
  threadsOption,
  viewOption,
  type WorkerFlags,
  wrapOption,
  wrong,
} from '../options.js';
import { checkShotOutput } from '../output.js';
import { OverwriteGuard } from '../overwrite-guard.js';
import { ProgressLine } from '../progress-line.js';
import type { FrameDenoiser } from '../sequence/frame-denoiser.js';
import { FramePattern } from '../sequence/frame-pattern.js';
import { DEFAULT_RETRIES, RemoteDenoiser } from '../sequence/remote-denoiser.js';
import {
  type FrameOutcome,
  failureOf,
  framesToDo,
  runSequence,
  type Sequence,
} from '../sequence/run-sequence.js';
import { readToken } from '../sequence/service-token.js';
import { warningsOf, writeReport } from '../sequence/shot-report.js';
import { textOfWarning } from '../sequence/shot-warnings.js';

/** Names of files that a warning lists. */
const MOST_NAMES = 5;

interface Flags extends LayerFlags, WorkerFlags {
  readonly output: string;
  readonly frames?: readonly [first: number, last: number];
  readonly window: number;
  readonly lambda?: number | string;
  readonly model?: string;
  readonly encoder?: string;
  readonly prefilter: PrefilterChoice;
  readonly alpha: 'auto' | 'copy' | 'denoise';
  readonly components: 'beauty' | 'split';
  readonly wrap: 'auto' | 'x' | 'none';
  readonly report?: string;
  readonly server?: readonly string[];
  readonly tokenFile?: string;
  readonly force?: boolean;
}

/** `quietframe sequence`. */
export function sequenceCommand(program: Command): void {
  program
    .command('sequence')
    .description('denoise the frames of a shot that are not done yet')
    .argument("<'shot.####.exr'>", 'noisy frames; # is a digit of their number, below 0 too')
    .requiredOption("-o, --output <'clean.####.exr'>", 'results, one for each frame')
    .option('--frames <first-last>', 'denoise these alone; their windows reach beyond', parseRange)
    .option('--window <n>', 'most frames that one is denoised from: 1, 3, 5 or 7', parseWindow, 7)
    .addOption(lambdaOption())
    .addOption(modelOption())
    .addOption(encoderOption())
    .addOption(prefilterOption())
    .addOption(sourceOption())
    .addOption(viewOption())
    .addOption(layerOption())
    .addOption(motionOption())
    .addOption(alphaOption())
    .addOption(componentsOption())
    .addOption(wrapOption())
    .addOption(aovsOption())
    .option('--report <file>', 'write what became of each frame, and flicker, as JSON')
    .option('--server <url,...>', 'services that denoise in its place', parseServers)
    .option('--token-file <file>', `token of the services; ${CLIENT_TOKEN} has it, too`)
    .option('--force', 'denoise frames that are done too')
    .addOption(threadsOption())
    .addOption(deviceOption())
    .addOption(engineOption())
    .action(sequence);
}

async function sequence(pattern: string, flags: Flags): Promise<void> {
  const config = readConfig();
  const input = new FramePattern(pattern, 'the input');
  const output = new FramePattern(flags.output, '--output');
  checkShotOutput(flags.output);
  checkServerFlags(flags);
  const { frames, nearMisses } = await input.list(output);
  const [first] = frames;
  if (first === undefined) {
    const almost = nearMisses.length === 0 ? '' : ` (almost: ${shortList(nearMisses)})`;
    throw notThere(`a pattern of files that exist${almost}`, 'the input', pattern);
  }
  await checkFolder(output.path(first));
  if (flags.report !== undefined) await checkFolder(flags.report);

  const { model, encoder, prefilter, alpha, components, wrap, window } = flags;
  const request = {
    ...resolveOptions(flags),
    ...(await lambdaRequest(flags.lambda)),
    ...(model !== undefined && { model }),
    ...(encoder !== undefined && { encoder }),
    prefilter,
    alpha,
    components,
    wrap,
  };
  const [least, most] = flags.frames ?? [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];
  const chosen = frames.filter((frame) => frame >= least && frame <= most);
  if (chosen.length === 0) throw notThere('numbers of frames that exist', '--frames', `${least}-${most}`);
  if (nearMisses.length > 0) {
    const files = nearMisses.length === 1 ? '1 file is' : `${nearMisses.length} files are`;
    complain(
      `warning near-miss: ${files} named almost like ${pattern} and left out: ${shortList(nearMisses)}`,
    );
  }
  const guard = await OverwriteGuard.check(
    [
      ...chosen.map((frame) => ({ path: output.path(frame), parameter: '--output' })),
      ...(flags.report === undefined ? [] : [{ path: flags.report, parameter: '--report' }]),
    ],
    [
      ...frames.map((frame) => input.path(frame)),
      ...(typeof flags.lambda === 'string' ? [flags.lambda] : []),
    ],
  );
  const shot: Sequence = { input, output, frames, chosen, window, request };
  const abort = new AbortController();
  const interrupt = (): void => abort.abort();
  process.once('SIGINT', interrupt).once('SIGTERM', interrupt);
  const pool = new ExrPool({ limits: exrLimits(config) });
  const start = performance.now();
  const outcomes: FrameOutcome[] = [];
  try {
    const todo = flags.force ? chosen : await framesToDo(shot, pool);
    for (const frame of chosen.filter((candidate) => !todo.includes(candidate))) {
      outcomes.push({ frame, input: input.path(frame), output: output.path(frame), status: 'skipped' });
    }
    if (todo.length > 0) await denoiseFrames(shot, todo, flags, config, pool, abort.signal, outcomes, guard);
  } finally {
    process.off('SIGINT', interrupt).off('SIGTERM', interrupt);
    try {
      for (const warning of warningsOf(shot, outcomes)) complain(textOfWarning(warning));
      if (flags.report !== undefined)
        await writeReport(flags.report, shot, outcomes, nearMisses, start, pool, guard);
    } finally {
      await pool.close();
    }
  }
  const count = (status: FrameOutcome['status']): number =>
    outcomes.filter((outcome) => outcome.status === status).length;
  const took = ((performance.now() - start) / 1000).toFixed(1);
  process.stdout.write(
    `${count('denoised')} denoised, ${count('skipped')} already done, ${count('failed')} failed, ${took} s\n`,
  );
  const failure = failureOf(outcomes);
  if (failure !== undefined) throw failure;
}

async function denoiseFrames(
  shot: Sequence,
  todo: readonly number[],
  flags: Flags,
  config: Config,
  pool: ExrPool,
  signal: AbortSignal,
  outcomes: FrameOutcome[],
  guard: OverwriteGuard,
): Promise<void> {
  const { denoisers, close } = await openDenoisers(shot, flags, config, pool);
  const line = new ProgressLine(flags.output);
  const say = (text: string): void => {
    line.end();
    complain(text);
  };
  const began = performance.now();
  let ended = 0;
  line.show(0);
  try {
    await runSequence(
      shot,
      todo,
      denoisers,
      pool,
      guard,
      signal,
      (outcome) => {
        outcomes.push(outcome);
        ended++;
        if (outcome.status === 'failed') say(textOfFailure(outcome));
        else if (!line.isActive) {
          process.stdout.write(`${outcome.output}: ${outcome.seconds?.toFixed(1)} s, ${outcome.denoiser}\n`);
        }
        const left = ((performance.now() - began) / 1000 / ended) * (todo.length - ended);
        line.show(ended / todo.length, left);
      },
      (lost) => say(lost.message),
    );
  } finally {
    line.end();
    await close();
  }
}

async function openDenoisers(
  { request }: Sequence,
  flags: Flags,
  config: Config,
  pool: ExrPool,
): Promise<{ denoisers: readonly FrameDenoiser[]; close: () => Promise<unknown> }> {
  if (flags.server !== undefined) {
    const { lambda, lambdaMap, model, encoder, source, alpha, aovs, components, wrap, motion, layers, view } =
      request;
    const { prefilter } = request;
    const query = {
      ...{ lambda, model, encoder, source, alpha, motion, view },
      layer: layers && layersText(layers),
      components: components === 'split' ? components : undefined,
      wrap: wrap === 'auto' ? undefined : wrap,
      prefilter: prefilter === 'auto' ? undefined : prefilter,
      aovs: typeof aovs === 'object' ? aovs.join(',') : aovs,
    };
    const given = Object.entries(query).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, String(value)] as const],
    );
    const token = await readToken(flags.tokenFile);
    const remotes = flags.server.map(
      (url) => new RemoteDenoiser(url, Object.fromEntries(given), DEFAULT_RETRIES, lambdaMap, token),
    );
    return { denoisers: remotes, close: () => Promise.all(remotes.map((remote) => remote.close())) };
  }
  // The engine is large: only what needs it loads it.
  const [{ Denoiser }, { LocalDenoiser }] = await Promise.all([
    import('../../denoise/denoiser.js'),
    import('../sequence/local-denoiser.js'),
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

/** Services have settings of their own. */
function checkServerFlags({ server, ...flags }: Flags): void {
  if (server === undefined) {
    if (flags.tokenFile !== undefined)
      throw wrong('nothing without --server', '--token-file', flags.tokenFile);
    return;
  }
  for (const name of ['threads', 'device', 'engine'] as const) {
    const value = flags[name];
    if (value !== undefined) throw wrong('nothing with --server', `--${name}`, String(value));
  }
}

function textOfFailure({ input, error = '' }: FrameOutcome): string {
  return error.includes(input) ? error : `${input}: ${error}`;
}

function shortList(names: readonly string[]): string {
  const more = names.length > MOST_NAMES ? `, and ${names.length - MOST_NAMES} more` : '';
  return `${names.slice(0, MOST_NAMES).join(', ')}${more}`;
}

/** Names come from files: nothing of them may steer the terminal. */
function complain(text: string): void {
  process.stderr.write(`quietframe: ${text.replaceAll(/\p{Cc}/gu, '?')}\n`);
}

function parseWindow(text: string): number {
  const window = parseInteger(text, '--window', 1, 7);
  if (window % 2 === 1) return window;
  throw wrong('1, 3, 5 or 7', '--window', text);
}

function parseRange(text: string): readonly [number, number] {
  const match = /^(-?\d+)-(-?\d+)$/.exec(text);
  const [first, last] = [Number(match?.[1]), Number(match?.[2])];
  if (first <= last) return [first, last];
  throw wrong('first-last, such as 1001-1010 or -3-3,', '--frames', text);
}

function parseServers(text: string): readonly string[] {
  return text.split(',').map((part) => {
    const url = part.trim();
    if (/^https?:/i.test(url) && URL.canParse(url)) return url;
    const message = expected('URLs of services with commas between', '--server', text);
    throw new QuietframeError('invalid-argument', message, { parameter: '--server' });
  });
}
