import { type Command, Option } from 'commander';
import { readConfig } from '../../config.js';
import type { PrefilterChoice } from '../../denoise/types.js';
import { denoiseExr } from '../../files/denoise-file/denoise-exr.js';
import type { Output } from '../../files/denoise-file/maps.js';
import { readAlpha } from '../../files/denoise-file/read-alpha.js';
import type { DenoiseExrRequest, FullReport } from '../../files/denoise-file/types.js';
import { encodePng } from '../../server/thread/encode-png.js';
import { type AovFileFlags, aovFileOptions, aovFilePaths, joinAovFiles, readAovFiles } from '../aov-files.js';
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
  outputsOption,
  parseNumber,
  prefilterOption,
  resolveOptions,
  samplesOption,
  sourceOption,
  threadsOption,
  viewOption,
  type WorkerFlags,
  wrapOption,
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
  readonly lambda?: number | string;
  readonly model?: string;
  readonly encoder?: string;
  readonly prefilter: PrefilterChoice;
  readonly alpha: 'auto' | 'copy' | 'denoise';
  readonly components: 'beauty' | 'split';
  readonly wrap: 'auto' | 'x' | 'none';
  readonly upscale?: number;
  readonly guide?: string;
  readonly deblur?: number | 'auto';
  readonly strength?: number;
  readonly outputs?: readonly Output[];
  readonly report?: string;
  readonly overwriteInput?: boolean;
}

/** `quietframe denoise`. */
export function denoiseCommand(program: Command): void {
  const command = program
    .command('denoise')
    .description('denoise the beauty of an OpenEXR file and keep everything else')
    .argument('<in.exr>', 'noisy frame with its auxiliary layers')
    .requiredOption('-o, --output <out.exr>', 'the file with its beauty denoised; .png is a picture')
    .option('--half-b <b.exr>', 'second half buffer: the frame with another seed');
  for (const option of aovFileOptions('a.exr')) command.addOption(option);
  command
    .addOption(lambdaOption())
    .addOption(modelOption())
    .addOption(encoderOption())
    .addOption(prefilterOption())
    .addOption(sourceOption())
    .addOption(viewOption())
    .addOption(layerOption())
    .addOption(samplesOption())
    .addOption(alphaOption())
    .addOption(componentsOption())
    .addOption(wrapOption())
    .addOption(aovsOption())
    .option('--upscale <factor>', 'in [1, 4]: magnifies the result', (text) =>
      parseNumber(text, '--upscale', 1, 4),
    )
    .option('--guide <full.exr>', 'render at the new size that guides it')
    .option('--deblur <sigma|auto>', 'in [0.3, 4] pixels: undoes a blur', (text) =>
      text === 'auto' ? text : parseNumber(text, '--deblur', 0.3, 4),
    )
    .addOption(
      new Option('--strength <number>', 'in [0, 4]: scales the parameters of filters')
        .default(undefined, '1')
        .argParser((text) => parseNumber(text, '--strength', 0, 4)),
    )
    .addOption(outputsOption())
    .option('--report <file>', 'write what was done as JSON; - is standard output')
    .addOption(threadsOption())
    .addOption(deviceOption())
    .addOption(engineOption())
    .option('--overwrite-input', 'allow --output to be the input file')
    .action(denoise);
}

async function denoise(input: string, flags: Flags): Promise<void> {
  const config = readConfig();
  const exr = await readInput(input);
  const halfB = flags.halfB === undefined ? undefined : await readInput(flags.halfB);
  const paths = aovFilePaths(flags);
  const aovFiles = await readAovFiles(paths);
  const guide = flags.guide === undefined ? undefined : await readInput(flags.guide);
  const lambda = await lambdaRequest(flags.lambda);
  const type = await checkOutput(flags.output, ['exr', 'png']);
  if (type === 'png') checkPicture(flags);
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
          ...lambda,
          ...(flags.model !== undefined && { model: flags.model }),
          ...(flags.encoder !== undefined && { encoder: flags.encoder }),
          prefilter: flags.prefilter,
          alpha: flags.alpha,
          components: flags.components,
          wrap: flags.wrap,
          ...(flags.strength !== undefined && { strength: flags.strength }),
          ...finishOf(flags),
          ...(guide && { guide }),
          ...(flags.outputs && { maps: { outputs: flags.outputs } }),
          ...resolveOptions(flags),
          ...tools.watch,
        },
        tools.services,
      );
      if (type === 'exr') return { bytes: result, report };
      const { signal } = tools.watch;
      const alpha = await readAlpha(result, tools.services.pool, resolveOptions(flags), signal);
      return { bytes: await encodePng({ color, ...(alpha && { alpha }) }, signal), report };
    },
  );
  await writeOutput(flags.output, bytes, guard);
  await tell(report, flags, guard);
}

/** A picture has the denoised colour, and nothing to hold the rest. */
function checkPicture({ outputs, aovs, view, output }: Flags): void {
  if (outputs?.some((name) => name !== 'color')) throw wrong('.exr with such --outputs', '--output', output);
  if (aovs !== undefined) throw wrong('.exr with --aovs', '--output', output);
  if (view === 'all') throw wrong('.exr with --view all', '--output', output);
}

/** Nothing where neither was asked for. */
function finishOf({ upscale, deblur }: Flags): Pick<DenoiseExrRequest, 'finish'> {
  if (upscale === undefined && deblur === undefined) return {};
  return { finish: { ...(upscale !== undefined && { upscale }), ...(deblur !== undefined && { deblur }) } };
}

async function tell(report: FullReport, flags: Flags, guard: OverwriteGuard): Promise<void> {
  for (const { code, message } of report.warnings) {
    process.stderr.write(`quietframe: warning ${code}: ${message}\n`);
  }
  const json = `${JSON.stringify(report, null, 2)}\n`;
  if (flags.report === '-') process.stdout.write(json);
  else if (flags.report !== undefined) await guard.write(flags.report, json);
  if (flags.report === '-') return;
  const { source } = report.input;
  const scaled = (pixels: number): number => Math.round(pixels * (report.finish?.upscale ?? 1));
  const [width, height] = [scaled(report.input.width), scaled(report.input.height)];
  const took = report.seconds.toFixed(1);
  tellDone(
    `${flags.output}: ${width} x ${height}, ${source}, ${report.model}@${report.version}, ${took} s on ${report.device}\n`,
    flags.output,
  );
}
