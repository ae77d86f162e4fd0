import { realpath } from 'node:fs/promises';
import type { Command } from 'commander';
import { Option } from 'commander';
import { readConfig } from '../../config.js';
import { type DenoiseExrRequest, denoiseExr, type FullReport } from '../../workflow/denoise-exr.js';
import { writeAtomically } from '../../workflow/write-atomically.js';
import { checkFolder } from '../check-folder.js';
import {
  aovsOption,
  componentsOption,
  type LayerFlags,
  lambdaOption,
  lambdaRequest,
  layerOption,
  parseDecimal,
  parseInteger,
  resolveOptions,
  samplesOption,
  sourceOption,
  wrong,
} from '../options.js';
import { readInput } from '../read-input.js';
import { runOnFile } from '../run-on-file.js';

interface Flags extends LayerFlags {
  readonly output: string;
  readonly halfB?: string;
  readonly lambda?: number | string;
  readonly model?: string;
  readonly alpha: 'copy' | 'denoise';
  readonly components: 'beauty' | 'split';
  readonly upscale?: number;
  readonly guide?: string;
  readonly deblur?: number | 'auto';
  readonly strength?: number;
  readonly parameters?: boolean;
  readonly report?: string;
  readonly threads?: number;
  readonly overwriteInput?: boolean;
}

/** `quietframe denoise`. */
export function denoiseCommand(program: Command): void {
  program
    .command('denoise')
    .description('denoise the beauty of an OpenEXR file; all else is kept')
    .argument('<in.exr>', 'noisy frame with its auxiliary layers')
    .requiredOption('-o, --output <out.exr>', 'where the result is written, at once and whole')
    .option('--half-b <b.exr>', 'second half buffer: the same frame, rendered independently')
    .addOption(lambdaOption())
    .option('--model <name[@version]>', 'model bundle; pkn is the fast preview')
    .addOption(sourceOption())
    .addOption(layerOption())
    .addOption(samplesOption())
    .addOption(
      new Option('--alpha <mode>', 'keep alpha, or filter it like the colour')
        .choices(['copy', 'denoise'])
        .default('copy'),
    )
    .addOption(componentsOption())
    .addOption(aovsOption())
    .option('--upscale <factor>', 'magnify the result, in [1, 4]; the file gets the new size', (text) =>
      parseDecimal(text, '--upscale', 1, 4),
    )
    .option('--guide <full.exr>', 'the frame at the new size: its albedo and normals guide the magnification')
    .option('--deblur <sigma|auto>', 'undo a blur of this many pixels, in [0.3, 4]', (text) =>
      text === 'auto' ? text : parseDecimal(text, '--deblur', 0.3, 4),
    )
    .option('--strength <number>', 'scale predicted parameters of filters, in [0, 4] (default: 1)', (text) =>
      parseDecimal(text, '--strength', 0, 4),
    )
    .option('--parameters', 'add the parameters of filters as channels')
    .option('--report <file>', 'write what was done as JSON; - for standard output')
    .option('--threads <n>', 'threads of the engine', (text) => parseInteger(text, '--threads', 1, 1024))
    .option('--overwrite-input', 'allow --output to be the input file')
    .action(denoise);
}

async function denoise(input: string, flags: Flags): Promise<void> {
  const config = readConfig();
  const exr = await readInput(input);
  const halfB = flags.halfB === undefined ? undefined : await readInput(flags.halfB);
  const guide = flags.guide === undefined ? undefined : await readInput(flags.guide);
  const lambda = await lambdaRequest(flags.lambda);
  await checkFolder(flags.output);
  if (flags.report !== undefined && flags.report !== '-') await checkFolder(flags.report);
  const maps = typeof flags.lambda === 'string' ? [flags.lambda] : [];
  await refuseOverwriting([input, ...(flags.halfB === undefined ? [] : [flags.halfB]), ...maps], flags);

  const { exr: result, report } = await runOnFile(
    input,
    { half_b: flags.halfB, guide: flags.guide, lambda: maps[0] },
    flags.threads,
    config,
    (tools) =>
      denoiseExr(
        {
          exr,
          ...(halfB && { halves: [exr, halfB] as const }),
          ...lambda,
          ...(flags.model !== undefined && { model: flags.model }),
          alpha: flags.alpha,
          components: flags.components,
          ...(flags.strength !== undefined && { strength: flags.strength }),
          ...finishOf(flags),
          ...(guide && { guide }),
          ...(flags.parameters && { maps: { outputs: ['color', 'parameters'] as const } }),
          ...resolveOptions(flags),
          ...tools.watch,
        },
        tools.services,
      ),
  );
  await writeAtomically(flags.output, result);
  await tell(report, flags);
}

/** Nothing where neither was asked for. */
function finishOf({ upscale, deblur }: Flags): Pick<DenoiseExrRequest, 'finish'> {
  if (upscale === undefined && deblur === undefined) return {};
  return { finish: { ...(upscale !== undefined && { upscale }), ...(deblur !== undefined && { deblur }) } };
}

/** The noisy frame took hours and cannot be made from the denoised one: to write over it must be asked for. */
async function refuseOverwriting(inputs: readonly string[], flags: Flags): Promise<void> {
  if (flags.overwriteInput) return;
  const output = await realpath(flags.output).catch(() => undefined);
  for (const input of inputs) {
    if (output !== (await realpath(input))) continue;
    throw wrong('another file than the input (or --overwrite-input)', '--output', flags.output);
  }
}

async function tell(report: FullReport, flags: Flags): Promise<void> {
  for (const { code, message } of report.warnings) {
    process.stderr.write(`quietframe: warning ${code}: ${message}\n`);
  }
  const json = `${JSON.stringify(report, null, 2)}\n`;
  if (flags.report === '-') process.stdout.write(json);
  else if (flags.report !== undefined) await writeAtomically(flags.report, json);
  if (flags.report === '-') return;
  const { source } = report.input;
  const scaled = (pixels: number): number => Math.round(pixels * (report.finish?.upscale ?? 1));
  const [width, height] = [scaled(report.input.width), scaled(report.input.height)];
  const took = report.seconds.toFixed(1);
  process.stdout.write(
    `${flags.output}: ${width} x ${height}, ${source}, ${report.model}@${report.version}, ${took} s on ${report.device}\n`,
  );
}
