import type { Command } from 'commander';
import { CLIENT_TOKEN, type Config, exrLimits, readConfig } from '../../config.js';
import { expected, invalidArgument, QuietframeError } from '../../errors.js';
import { ExrPool } from '../../exr/pool.js';
import { type AovFileFlags, aovFileOptions, aovFilePaths } from '../aov-files.js';
import { checkFolder } from '../check-folder.js';
import { Interrupted, Interruption } from '../interrupted.js';
import {
  addParameters,
  choiceOption,
  deviceOption,
  engineOption,
  keepOption,
  lambdaMapOf,
  notThere,
  parameterRequest,
  parseInteger,
  threadsOption,
  type WorkerFlags,
} from '../options.js';
import { checkPicture, shotOutput } from '../output.js';
import { OverwriteGuard } from '../overwrite-guard.js';
import { type Chunk, chooseFrames, parseChunk, parseFrames } from '../sequence/choose-frames.js';
import { FramePattern } from '../sequence/frame-pattern.js';
import type { FrameRanges } from '../sequence/frame-ranges.js';
import { shortList, textsOfOmissions } from '../sequence/omissions.js';
import { openDenoisers } from '../sequence/open-denoisers.js';
import {
  type FrameOutcome,
  failureOf,
  framesToDo,
  runSequence,
  type Sequence,
  sourcesOf,
} from '../sequence/run-sequence.js';
import { pathsOf } from '../sequence/shot-files.js';
import { ShotPictures } from '../sequence/shot-pictures.js';
import {
  PROGRESS_CHOICES,
  type ProgressChoice,
  type ShotProgress,
  shotProgress,
} from '../sequence/shot-progress.js';
import { warningsOf, writeReport } from '../sequence/shot-report.js';
import type { ShotSources } from '../sequence/shot-sources.js';
import { textOfWarning } from '../sequence/shot-warnings.js';
import { withShotWrap } from '../sequence/shot-wrap.js';
import { readUsdLayers, readUsdProduct } from '../sequence/usd-product.js';

interface Flags extends WorkerFlags, AovFileFlags {
  readonly output: string;
  readonly usd?: string;
  readonly frames?: FrameRanges;
  readonly chunk?: Chunk;
  readonly window: number;
  readonly lambda?: number | string;
  readonly report?: string;
  readonly progress: ProgressChoice;
  readonly server?: readonly string[];
  readonly tokenFile?: string;
  readonly force?: boolean;
  readonly overwrite: boolean;
}

/** `quietframe sequence`. */
export function sequenceCommand(program: Command): void {
  const command = program
    .command('sequence')
    .description('denoise the frames of a shot that are not done yet')
    .argument("['shot.####.exr']", 'noisy frames; or %04d, $F4, @@@@, *')
    .requiredOption('-o, --output <pattern>', "results, one for each frame: 'clean.####.exr'; or .png")
    .option('--usd <file[:prim]>', 'take them, AOVs and overscan from a RenderProduct')
    .option('--frames <list>', 'denoise 3 or 1-9x2 or 1,4,7-9; windows reach beyond', parseFrames)
    .option('--chunk <i/n>', 'the i-th of n parts of these frames', parseChunk)
    .option('--window <n>', 'most frames that one is denoised from: 1, 3, 5 or 7', parseWindow, 7);
  for (const option of aovFileOptions('pattern', true)) command.addOption(option);
  addParameters(command, 'sequence')
    .option('--report <file>', 'write what became of frames, and flicker, as JSON')
    .addOption(choiceOption('--progress <mode>', 'how progress is shown', PROGRESS_CHOICES).default('auto'))
    .option('--server <url,...>', 'services that denoise in its place', parseServers)
    .option('--token-file <file>', `token of the services; ${CLIENT_TOKEN} has it, too`)
    .option('--force', 'denoise frames that are done too')
    .addOption(keepOption())
    .addOption(threadsOption())
    .addOption(deviceOption())
    .addOption(engineOption())
    .action(sequence);
}

async function sequence(pattern: string | undefined, flags: Flags): Promise<void> {
  const progress = shotProgress(flags.progress, flags.output);
  try {
    await denoiseShot(pattern, flags, progress);
  } catch (error) {
    if (error instanceof Error) progress.fail(error.message);
    throw error;
  }
}

async function denoiseShot(given: string | undefined, flags: Flags, progress: ShotProgress): Promise<void> {
  const config = readConfig();
  const product = flags.usd === undefined ? undefined : await readUsdProduct(flags.usd);
  const pattern = given ?? product?.pattern;
  if (pattern === undefined)
    throw new QuietframeError(
      'invalid-argument',
      'Expected a pattern or --usd for the input but received nothing',
    );
  const input = new FramePattern(pattern, 'the input');
  const output = new FramePattern(flags.output, '--output');
  const type = shotOutput(flags.output);
  if (output.isWildcard) throw invalidArgument('a number of digits, such as ####,', '--output', flags.output);
  checkServerFlags(flags);
  const aovFiles = new Map(
    [...aovFilePaths(flags)].map(([role, path]) => [
      role,
      new FramePattern(path, `the files of the role ${role}`),
    ]),
  );
  // Names of files that exist, where a pattern leaves them open.
  for (const aov of aovFiles.values()) await aov.list();
  const { frames, nearMisses } = await input.list(output, ...aovFiles.values());
  const [first] = frames;
  if (first === undefined) {
    const almost = nearMisses.length === 0 ? '' : ` (almost: ${shortList(nearMisses)})`;
    throw notThere(`a pattern of files that exist${almost}`, 'the input', pattern);
  }
  await checkFolder(output.path(first));
  if (flags.report !== undefined) await checkFolder(flags.report);

  const usd = product && (await readUsdLayers(product, input.path(first), exrLimits(config)));
  for (const warning of usd?.warnings ?? []) complain(`warning usd-mismatch: ${warning}`);
  const parameters = parameterRequest(flags);
  if (type === 'png') checkPicture(parameters, flags.output);
  const layers = { ...usd?.layers, ...parameters.layers };
  const lambdaMap = await lambdaMapOf(flags.lambda);
  const request = {
    ...parameters,
    ...(Object.keys(layers).length > 0 && { layers }),
    ...(lambdaMap && { lambdaMap }),
  };
  const { chosen, missing, isEmptyChunk } = chooseFrames(frames, flags.frames, flags.chunk);
  if (chosen.length === 0 && !isEmptyChunk) {
    throw notThere('numbers of frames that exist', '--frames', flags.frames?.text ?? '');
  }
  for (const warning of textsOfOmissions({ nearMisses, missing }, pattern)) complain(`warning ${warning}`);
  const reports = flags.report === undefined ? [] : [flags.report];
  const guard = await OverwriteGuard.check(
    [
      ...chosen.map((frame) => ({ path: output.path(frame), parameter: '--output' })),
      ...reports.map((path) => ({ path, parameter: '--report' })),
    ],
    [
      ...frames.flatMap((frame) => pathsOf({ input, aovFiles }, frame)),
      ...(typeof flags.lambda === 'string' ? [flags.lambda] : []),
    ],
  );
  const interruption = new Interruption();
  const pool = new ExrPool({ limits: exrLimits(config) });
  const start = performance.now();
  const outcomes: FrameOutcome[] = [];
  let shot: Sequence = { input, aovFiles, output, frames, chosen, window: flags.window, request };
  const sources = sourcesOf(shot, pool, flags.server?.length ?? 1);
  try {
    if (chosen.length > 0) shot = await withShotWrap(shot, sources, pool, interruption.signal);
    if (type === 'png') shot = { ...shot, pictures: await ShotPictures.open(shot, sources, pool) };
    const todo = flags.force ? chosen : await framesToDo(shot, sources, pool);
    if (!flags.overwrite) await guard.keepExisting([...todo.map((frame) => output.path(frame)), ...reports]);
    for (const frame of chosen.filter((candidate) => !todo.includes(candidate))) {
      outcomes.push({ frame, input: input.path(frame), output: output.path(frame), status: 'skipped' });
    }
    if (todo.length > 0)
      await denoiseFrames(
        shot,
        todo,
        flags,
        config,
        sources,
        pool,
        interruption.signal,
        outcomes,
        guard,
        progress,
      );
  } catch (error) {
    if (!interruption.explains(error)) throw error;
    const done = outcomes.filter(({ status }) => status !== 'failed').length;
    throw new Interrupted(`${done} of ${chosen.length} done, run again to go on`);
  } finally {
    interruption.release();
    try {
      for (const warning of warningsOf(shot, outcomes)) complain(textOfWarning(warning));
      if (flags.report !== undefined)
        await writeReport(flags.report, shot, outcomes, { nearMisses, missing }, start, sources, pool, guard);
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
  sources: ShotSources,
  pool: ExrPool,
  signal: AbortSignal,
  outcomes: FrameOutcome[],
  guard: OverwriteGuard,
  progress: ShotProgress,
): Promise<void> {
  const { denoisers, close } = await openDenoisers(shot, flags, config, pool);
  const say = (text: string): void => {
    progress.end();
    complain(text);
  };
  const began = performance.now();
  let ended = 0;
  progress.show(0, todo.length);
  try {
    await runSequence(
      shot,
      todo,
      denoisers,
      sources,
      pool,
      guard,
      signal,
      (outcome) => {
        outcomes.push(outcome);
        ended++;
        if (outcome.status === 'failed') say(textOfFailure(outcome));
        else if (!progress.isLine) {
          process.stdout.write(`${outcome.output}: ${outcome.seconds?.toFixed(1)} s, ${outcome.denoiser}\n`);
        }
        const left = ((performance.now() - began) / 1000 / ended) * (todo.length - ended);
        progress.show(ended, todo.length, left);
      },
      (lost) => say(lost.message),
    );
  } finally {
    progress.end();
    await close();
  }
}

/** Services have settings of their own. */
function checkServerFlags({ server, ...flags }: Flags): void {
  if (server === undefined) {
    if (flags.tokenFile !== undefined)
      throw invalidArgument('nothing without --server', '--token-file', flags.tokenFile);
    return;
  }
  for (const name of ['threads', 'device', 'engine'] as const) {
    const value = flags[name];
    if (value !== undefined) throw invalidArgument('nothing with --server', `--${name}`, String(value));
  }
}

function textOfFailure({ input, error = '' }: FrameOutcome): string {
  return error.includes(input) ? error : `${input}: ${error}`;
}

/** Names come from files: nothing of them may steer the terminal. */
function complain(text: string): void {
  process.stderr.write(`quietframe: ${text.replaceAll(/\p{Cc}/gu, '?')}\n`);
}

function parseWindow(text: string): number {
  const window = parseInteger(text, '--window', 1, 7);
  if (window % 2 === 1) return window;
  throw invalidArgument('1, 3, 5 or 7', '--window', text);
}

function parseServers(text: string): readonly string[] {
  return text.split(',').map((part) => {
    const url = part.trim();
    if (/^https?:/i.test(url) && URL.canParse(url)) return url;
    const message = expected('URLs of services with commas between', '--server', text);
    throw new QuietframeError('invalid-argument', message, { parameter: '--server' });
  });
}
