import type { Command } from 'commander';
import { readConfig } from '../../config.js';
import { denoiseExr } from '../../files/denoise-file/denoise-exr.js';
import { checkMaps, type MapsRequest } from '../../files/denoise-file/maps.js';
import type { FullReport } from '../../files/report.js';
import { type AovFileFlags, aovFileOptions, aovFilePaths, joinAovFiles, readAovFiles } from '../aov-files.js';
import { checkFolder } from '../check-folder.js';
import {
  addParameters,
  deviceOption,
  engineOption,
  keepOption,
  lambdaMapOf,
  parameterRequest,
  threadsOption,
  type WorkerFlags,
} from '../options.js';
import { checkOutput, checkReport, tellDone, writeOutput } from '../output.js';
import { OverwriteGuard } from '../overwrite-guard.js';
import { readInput } from '../read-input.js';
import { runOnFile } from '../run-on-file.js';
import { STANDARD_OUTPUT } from '../standard-output.js';

interface Flags extends WorkerFlags, AovFileFlags {
  readonly output: string;
  readonly overwrite: boolean;
  readonly halfB?: string;
  readonly lambda?: number | string;
  readonly report?: string;
}

/** `quietframe sample-map`. */
export function sampleMapCommand(program: Command): void {
  const command = program
    .command('sample-map')
    .description('predict the error left after denoising, and where to spend the next samples')
    .argument('<in.exr>', 'noisy frame with its auxiliary layers')
    .requiredOption('-o, --output <map.exr>', 'file with the maps as channels')
    .option('--half-b <b.exr>', 'second half buffer: the frame with another seed');
  for (const option of aovFileOptions('a.exr')) command.addOption(option);
  addParameters(command, 'sample-map')
    .option('--report <file>', 'write what was done as JSON; - is standard output')
    .addOption(threadsOption())
    .addOption(deviceOption())
    .addOption(engineOption())
    .addOption(keepOption())
    .action(sampleMap);
}

async function sampleMap(input: string, flags: Flags): Promise<void> {
  const parameters = parameterRequest(flags);
  const maps: MapsRequest = { outputs: ['error', 'samples'], ...parameters.maps };
  checkMaps(maps);
  const config = readConfig();
  const exr = await readInput(input);
  const halfB = flags.halfB === undefined ? undefined : await readInput(flags.halfB);
  const paths = aovFilePaths(flags);
  const aovFiles = await readAovFiles(paths);
  const lambdaMap = await lambdaMapOf(flags.lambda);
  const map = typeof flags.lambda === 'string' ? flags.lambda : undefined;
  await checkOutput(flags.output, ['exr']);
  checkReport(flags.report, flags.output);
  if (flags.report !== undefined && flags.report !== STANDARD_OUTPUT) await checkFolder(flags.report);
  const guard = await OverwriteGuard.check(
    [
      { path: flags.output, parameter: '--output' },
      { path: flags.report, parameter: '--report' },
    ],
    [input, flags.halfB, map, ...paths.values()],
  );
  if (!flags.overwrite) await guard.keepExisting();

  const { exr: result, report } = await runOnFile(
    input,
    { half_b: flags.halfB, lambda: map, ...Object.fromEntries(paths) },
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
          ...parameters,
          ...(lambdaMap && { lambdaMap }),
          ...{ maps, mapsOnly: true },
          ...tools.watch,
        },
        tools.services,
      );
    },
  );
  await writeOutput(flags.output, result, guard);
  await printReport(report, flags, guard);
}

async function printReport(report: FullReport, flags: Flags, guard: OverwriteGuard): Promise<void> {
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
