import type { Command } from 'commander';
import { Option } from 'commander';
import { readConfig } from '../../config.js';
import type { PrefilterChoice } from '../../denoise/types.js';
import { denoiseExr } from '../../files/denoise-file/denoise-exr.js';
import { checkMaps, ERROR_METRICS, type MapsRequest } from '../../files/denoise-file/maps.js';
import type { FullReport } from '../../files/denoise-file/types.js';
import { parseDecimal } from '../../numbers.js';
import { type AovFileFlags, aovFileOptions, aovFilePaths, joinAovFiles, readAovFiles } from '../aov-files.js';
import { checkFolder } from '../check-folder.js';
import {
  choiceOption,
  deviceOption,
  encoderOption,
  engineOption,
  type LayerFlags,
  layerOption,
  modelOption,
  parseInteger,
  prefilterOption,
  resolveOptions,
  samplesOption,
  sourceOption,
  threadsOption,
  viewOption,
  type WorkerFlags,
  wrong,
} from '../options.js';
import { checkOutput, checkReport, tellDone, writeOutput } from '../output.js';
import { OverwriteGuard } from '../overwrite-guard.js';
import { readInput } from '../read-input.js';
import { runOnFile } from '../run-on-file.js';
import { STANDARD_OUTPUT } from '../standard-output.js';

interface Flags extends LayerFlags, WorkerFlags, AovFileFlags {
  readonly output: string;
  readonly halfB?: string;
  readonly budget?: number;
  readonly targetSmape?: number;
  readonly min?: number;
  readonly max?: number;
  readonly tile?: number;
  readonly metric: (typeof ERROR_METRICS)[number];
  readonly model?: string;
  readonly encoder?: string;
  readonly prefilter: PrefilterChoice;
  readonly report?: string;
}

/** `quietframe sample-map`. */
export function sampleMapCommand(program: Command): void {
  const whole = (flag: string) => (text: string) => parseInteger(text, flag, 0, 1_000_000);
  const command = program
    .command('sample-map')
    .description('predict the error left after denoising, and where to spend the next samples')
    .argument('<in.exr>', 'noisy frame with its auxiliary layers')
    .requiredOption('-o, --output <map.exr>', 'file with the maps as channels')
    .option('--half-b <b.exr>', 'second half buffer: the frame with another seed');
  for (const option of aovFileOptions('a.exr')) command.addOption(option);
  command
    .option('--budget <spp>', 'mean samples per pixel to plan', number('--budget'))
    .option('--target-smape <error>', 'in (0, 1): mean error that is good enough', number('--target-smape'))
    .addOption(
      new Option('--min <spp>', 'least samples of a pixel').default(undefined, '0').argParser(whole('--min')),
    )
    .option('--max <spp>', 'most samples of a pixel', whole('--max'))
    .addOption(
      new Option('--tile <px>', 'side of tiles that get the same share')
        .default(undefined, '1')
        .argParser(whole('--tile')),
    )
    .addOption(choiceOption('--metric <name>', 'error that guides', ERROR_METRICS).default('smape'))
    .addOption(modelOption('bundle that denoises and predicts errors'))
    .addOption(encoderOption())
    .addOption(prefilterOption())
    .addOption(sourceOption())
    .addOption(viewOption('stereo view that is looked at'))
    .addOption(layerOption())
    .addOption(samplesOption())
    .option('--report <file>', 'write what was done as JSON; - is standard output')
    .addOption(threadsOption())
    .addOption(deviceOption())
    .addOption(engineOption())
    .action(sampleMap);
}

async function sampleMap(input: string, flags: Flags): Promise<void> {
  const maps = mapsOf(flags);
  checkMaps(maps);
  const config = readConfig();
  const exr = await readInput(input);
  const halfB = flags.halfB === undefined ? undefined : await readInput(flags.halfB);
  const paths = aovFilePaths(flags);
  const aovFiles = await readAovFiles(paths);
  await checkOutput(flags.output, ['exr']);
  checkReport(flags.report, flags.output);
  if (flags.report !== undefined && flags.report !== STANDARD_OUTPUT) await checkFolder(flags.report);
  const guard = await OverwriteGuard.check(
    [
      { path: flags.output, parameter: '--output' },
      { path: flags.report, parameter: '--report' },
    ],
    [input, flags.halfB, ...paths.values()],
  );

  const { exr: result, report } = await runOnFile(
    input,
    { half_b: flags.halfB, ...Object.fromEntries(paths) },
    flags,
    config,
    async (tools) => {
      const join = (file: Uint8Array): Promise<Uint8Array> =>
        joinAovFiles(file, aovFiles, tools.services.pool, tools.watch.signal);
      const frame = await join(exr);
      return denoiseExr(
        {
          exr: frame,
          ...(halfB && { halves: [frame, await join(halfB)] as const }),
          ...(flags.model !== undefined && { model: flags.model }),
          ...(flags.encoder !== undefined && { encoder: flags.encoder }),
          prefilter: flags.prefilter,
          ...resolveOptions(flags),
          ...{ maps, mapsOnly: true },
          ...tools.watch,
        },
        tools.services,
      );
    },
  );
  await writeOutput(flags.output, result, guard);
  await tell(report, flags, guard);
}

function mapsOf({ budget, targetSmape, spp, min, max, tile, metric }: Flags): MapsRequest {
  return {
    ...{ outputs: ['error', 'samples'], metric },
    ...(budget !== undefined && { budgetSpp: budget }),
    ...(targetSmape !== undefined && { targetSmape }),
    ...(spp !== undefined && { renderedSpp: spp }),
    ...(min !== undefined && { minSpp: min }),
    ...(max !== undefined && { maxSpp: max }),
    ...(tile !== undefined && { tile }),
  };
}

/** Reads decimals; ranges are checked with the other options. */
function number(flag: string): (text: string) => number {
  return (text) => {
    const value = parseDecimal(text);
    if (value >= 0) return value;
    throw wrong('a number of at least 0', flag, text);
  };
}

async function tell(report: FullReport, flags: Flags, guard: OverwriteGuard): Promise<void> {
  for (const { code, message } of report.warnings) {
    process.stderr.write(`quietframe: warning ${code}: ${message}\n`);
  }
  const json = `${JSON.stringify(report, null, 2)}\n`;
  if (flags.report === '-') {
    process.stdout.write(json);
    return;
  }
  if (flags.report !== undefined) await guard.write(flags.report, json);
  const { predictedError, samples, target } = report;
  const smape = predictedError?.smape.toFixed(4);
  tellDone(
    `${flags.output}: predicted SMAPE ${smape}; ${samples?.total} samples, ${samples?.leastSpp} to ${samples?.mostSpp} per pixel\n`,
    flags.output,
  );
  if (target === undefined) return;
  const more = target.additionalSpp;
  const left =
    target.sampleFactor === null
      ? 'out of reach'
      : more === null
        ? `takes ${target.sampleFactor.toFixed(1)} times the samples`
        : `takes ${more.toFixed(1)} more samples per pixel`;
  tellDone(`SMAPE ${target.targetSmape} ${target.reached ? 'is reached' : left}\n`, flags.output);
}
