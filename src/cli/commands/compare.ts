import { stat } from 'node:fs/promises';
import type { Command } from 'commander';
import { exrLimits, readConfig } from '../../config.js';
import { invalidArgument } from '../../errors.js';
import { ExrPool } from '../../exr/pool.js';
import type { ExrSource } from '../../exr/source.js';
import { type Comparison, compareExr, compareSources } from '../../files/compare-exr.js';
import { measureFlicker } from '../../files/measure-flicker.js';
import type { ResolveOptions } from '../../frame/layers/resolve-layers.js';
import { notThere, parameterOption, parameterRequest } from '../options.js';
import { readInput } from '../read-input.js';
import { FramePattern } from '../sequence/frame-pattern.js';
import { compareSeeds, type SeedComparison } from './compare-seeds.js';

/** Of the frames of a shot that has a reference. */
interface ShotComparison extends Pick<Comparison, 'smape' | 'relativeMse' | 'dssim'> {
  /** Mean over the frames whose predecessor is there; see `measureFlicker`. */
  readonly flicker?: number;
  readonly frames: readonly (Comparison & { readonly frame: number; readonly flicker?: number })[];
}

/** `quietframe compare`. */
export function compareCommand(program: Command): void {
  program
    .command('compare')
    .description('measure the beauty of an OpenEXR file, or of a shot, against a reference')
    .argument('<a.exr>', "picture that is measured; 'a.####.exr' is a shot, with flicker")
    .argument('[ref.exr]', "picture without noise; 'ref.####.exr' of a shot")
    .option('--json', 'print JSON')
    .option(
      '--seeds',
      'a.####.exr is one still frame with different seeds: compare neighbors, without a reference',
    )
    .addOption(parameterOption('source'))
    .addOption(parameterOption('view', 'stereo view that is compared'))
    .addOption(parameterOption('motion'))
    .action(compare);
}

async function compare(
  picture: string,
  reference: string | undefined,
  flags: { readonly json?: boolean; readonly seeds?: boolean },
): Promise<void> {
  if (flags.seeds && reference !== undefined)
    throw invalidArgument('nothing with --seeds', '<ref.exr>', reference);
  const pool = new ExrPool({ limits: exrLimits(readConfig()) });
  const options = parameterRequest(flags);
  try {
    const comparison = flags.seeds
      ? await compareSeeds(picture, pool, options)
      : await compareWith(required(reference), picture, pool, options);
    process.stdout.write(flags.json ? `${JSON.stringify(comparison, null, 2)}\n` : textOf(comparison));
  } finally {
    await pool.close();
  }
}

async function compareWith(
  reference: string,
  picture: string,
  pool: ExrPool,
  options: ResolveOptions,
): Promise<Comparison | ShotComparison> {
  return (await isShot(picture)) && (await isShot(reference))
    ? compareShots(picture, reference, pool, options)
    : compareExr(await readInput(picture), await readInput(reference), pool, options);
}

function required(reference: string | undefined): string {
  if (reference === undefined) throw invalidArgument('a value', '<ref.exr>', { toString: () => 'nothing' });
  return reference;
}

/** Whether a path is a pattern: a file's name may have a sign of patterns, too. */
async function isShot(path: string): Promise<boolean> {
  return FramePattern.isPattern(path) && (await stat(path).catch(() => undefined)) === undefined;
}

/** Frames that both shots have; the motion for flicker is that of the measured frames. */
async function compareShots(
  picture: string,
  reference: string,
  pool: ExrPool,
  options: ResolveOptions,
): Promise<ShotComparison> {
  const [pictures, references] = [
    new FramePattern(picture, '<a.exr>'),
    new FramePattern(reference, '<ref.exr>'),
  ];
  const numbers = new Set(await references.frames());
  const frames: (Comparison & { frame: number; flicker?: number })[] = [];
  let before: { readonly frame: number; readonly source: ExrSource } | undefined;
  const open = async (path: string): Promise<ExrSource> => pool.open(await readInput(path));
  for (const frame of await pictures.frames()) {
    if (!numbers.has(frame)) continue;
    const source = await open(pictures.path(frame));
    const comparison = await compareSources(source, await open(references.path(frame)), pool, options);
    const flicker =
      before?.frame === frame - 1
        ? await measureFlicker({ previous: before.source, current: source, input: source }, pool, options)
        : undefined;
    frames.push({ frame, ...comparison, ...(flicker !== undefined && { flicker }) });
    before = { frame, source };
  }
  if (frames.length === 0)
    throw notThere('a frame with the number of one of the shot', '<ref.exr>', reference);
  const flickers = frames.flatMap(({ flicker }) => flicker ?? []);
  return {
    smape: mean(frames.map(({ smape }) => smape)),
    relativeMse: mean(frames.map(({ relativeMse }) => relativeMse)),
    dssim: mean(frames.map(({ dssim }) => dssim)),
    ...(flickers.length > 0 && { flicker: mean(flickers) }),
    frames,
  };
}

function textOf(comparison: Comparison | ShotComparison | SeedComparison): string {
  const figures: [string, number | undefined][] = [
    ['SMAPE', comparison.smape],
    ['relMSE', comparison.relativeMse],
    ['DSSIM', comparison.dssim],
    ['flicker', 'flicker' in comparison ? comparison.flicker : undefined],
  ];
  const shown = figures.flatMap(([name, value]) =>
    value === undefined ? [] : [[name, value.toFixed(6)] as const],
  );
  const width = Math.max(...shown.map(([name]) => name.length));
  return shown.map(([name, value]) => `${name.padEnd(width)} ${value}\n`).join('');
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
