import type { Command } from 'commander';
import { readConfig } from '../../config.js';
import { checkEffects } from '../../files/check-effects.js';
import { denoiseExr } from '../../files/denoise-file/denoise-exr.js';
import { readAlpha } from '../../files/denoise-file/read-alpha.js';
import type { ParameterRequest } from '../../files/parameters.js';
import type { FullReport } from '../../files/report.js';
import { encodePng } from '../../server/thread/encode-png.js';
import { type AovFileFlags, aovFileOptions, aovFilePaths, joinAovFiles, readAovFiles } from '../aov-files.js';
import { checkFolder } from '../check-folder.js';
import {
  checkServiceFlags,
  denoiseOnService,
  type ServiceFlags,
  serviceOptions,
} from '../denoise-on-service.js';
import {
  addParameters,
  deviceOption,
  engineOption,
  keepOption,
  lambdaMapOf,
  parameterRequest,
  threadsOption,
} from '../options.js';
import { checkOutput, checkPicture, checkReport, tellDone, writeOutput } from '../output.js';
import { OverwriteGuard } from '../overwrite-guard.js';
import { readInput } from '../read-input.js';
import { runOnFile } from '../run-on-file.js';
import { STANDARD_OUTPUT } from '../standard-output.js';

interface Flags extends ServiceFlags, AovFileFlags {
  readonly output: string;
  readonly lambda?: number | string;
  readonly report?: string;
  readonly overwriteInput?: boolean;
  readonly overwrite: boolean;
}

/** `quietframe denoise`. */
export function denoiseCommand(program: Command): void {
  const command = program
    .command('denoise')
    .description('denoise the beauty of an OpenEXR file and keep everything else')
    .argument('<in.exr>', 'noisy frame with its auxiliary layers')
    .requiredOption('-o, --output <out.exr>', 'denoised file; .png is a picture')
    .option('--half-b <b.exr>', 'second half buffer: the frame with another seed');
  for (const option of aovFileOptions('a.exr')) command.addOption(option);
  command.option('--guide <full.exr>', 'render at the new size that guides --upscale');
  addParameters(command, 'denoise');
  for (const option of serviceOptions()) command.addOption(option);
  command
    .option('--report <file>', 'write what was done as JSON; - is standard output')
    .addOption(threadsOption())
    .addOption(deviceOption())
    .addOption(engineOption())
    .option('--overwrite-input', 'allow --output to be the input file')
    .addOption(keepOption())
    .action(denoise);
}

async function denoise(input: string, flags: Flags): Promise<void> {
  checkServiceFlags(flags);
  const config = readConfig();
  const exr = await readInput(input);
  const halfB = flags.halfB === undefined ? undefined : await readInput(flags.halfB);
  const paths = aovFilePaths(flags);
  const aovFiles = await readAovFiles(paths);
  const guide = flags.guide === undefined ? undefined : await readInput(flags.guide);
  const parameters = parameterRequest(flags);
  checkEffects({ ...parameters, ...parameters.finish });
  const lambdaMap = await lambdaMapOf(flags.lambda);
  const { server } = flags;
  const type = await checkOutput(flags.output, server === undefined ? ['exr', 'png'] : ['exr']);
  if (type === 'png') checkPicture(parameters, flags.output);
  checkReport(flags.report, flags.output);
  if (flags.report !== undefined && flags.report !== STANDARD_OUTPUT) await checkFolder(flags.report);
  const map = typeof flags.lambda === 'string' ? flags.lambda : undefined;
  // The noisy frame may be written over where that was asked for.
  const permission = flags.overwriteInput ? { mayReplace: input } : { advice: ' (or --overwrite-input)' };
  const guard = await OverwriteGuard.check(
    [
      { path: flags.output, parameter: '--output', ...permission },
      { path: flags.report, parameter: '--report' },
    ],
    [input, flags.halfB, flags.guide, map, ...paths.values()],
  );
  if (!flags.overwrite) await guard.keepExisting();

  if (server !== undefined) {
    const frame = { path: input, exr, aovFiles, aovPaths: paths, parameters, lambdaMap };
    const answer = await denoiseOnService(frame, server, flags.tokenFile, config);
    await writeOutput(flags.output, answer.exr, guard);
    const { model, version, device } = answer.report;
    const done = `${flags.output}: ${model}@${version} on ${device} of ${server}\n`;
    await printReport(answer.report, done, flags, guard);
    return;
  }
  const { bytes, report } = await runOnFile(
    input,
    { half_b: flags.halfB, guide: flags.guide, lambda: map, ...Object.fromEntries(paths) },
    flags,
    config,
    async (tools) => {
      const join = (file: Uint8Array): Promise<Uint8Array> =>
        joinAovFiles(file, aovFiles, tools.services.pool, tools.watch.signal);
      const frame = await join(exr);
      const {
        exr: result,
        color,
        report,
      } = await denoiseExr(
        {
          exr: frame,
          ...(halfB && { halves: [frame, await join(halfB)] as const }),
          ...parameters,
          ...(lambdaMap && { lambdaMap }),
          ...(guide && { guide }),
          ...tools.watch,
        },
        tools.services,
      );
      if (type === 'exr') return { bytes: result, report };
      const { signal } = tools.watch;
      // A region is a file of the color alone.
      const alpha = parameters.region
        ? undefined
        : await readAlpha(result, tools.services.pool, parameters, signal);
      return { bytes: await encodePng({ color, ...(alpha && { alpha }) }, signal), report };
    },
  );
  await writeOutput(flags.output, bytes, guard);
  await printReport(report, summaryOf(report, parameters, flags.output), flags, guard);
}

/** Warnings, the report where it was asked for, and a line that says what was done. */
async function printReport(
  report: Pick<FullReport, 'warnings'>,
  done: string,
  flags: Flags,
  guard: OverwriteGuard,
): Promise<void> {
  for (const { code, message } of report.warnings) {
    process.stderr.write(`quietframe: warning ${code}: ${message}\n`);
  }
  const json = `${JSON.stringify(report, null, 2)}\n`;
  if (flags.report === '-') process.stdout.write(json);
  else if (flags.report !== undefined) await guard.write(flags.report, json);
  if (flags.report !== '-') tellDone(done, flags.output);
}

function summaryOf(report: FullReport, { region }: ParameterRequest, output: string): string {
  const { source } = report.input;
  const scaled = (pixels: number): number => Math.round(pixels * (report.finish?.upscale ?? 1));
  const { width, height } = region ?? {
    width: scaled(report.input.width),
    height: scaled(report.input.height),
  };
  const took = report.seconds.toFixed(1);
  return `${output}: ${width} x ${height}, ${source}, ${report.model}@${report.version}, ${took} s on ${report.device}\n`;
}
