import { extname } from 'node:path';
import type { Command } from 'commander';
import { Option } from 'commander';
import { readConfig } from '../../config.js';
import type { Pixel } from '../../denoise/kpcn/debug-outputs.js';
import { invalidArgument } from '../../errors.js';
import { denoiseExr } from '../../files/denoise-file/denoise-exr.js';
import { parsePixels } from '../../files/denoise-file/parse-pixels.js';
import type { FullReport } from '../../files/report.js';
import { MAX_WINDOW } from '../../limits.js';
import { checkFolder } from '../check-folder.js';
import { drawKernels } from '../explain/draw-kernels.js';
import {
  engineOption,
  keepOption,
  lambdaMapOf,
  parameterOption,
  parameterRequest,
  parseInteger,
  threadsOption,
  type WorkerFlags,
} from '../options.js';
import { tellDone, writeOutput } from '../output.js';
import { OverwriteGuard } from '../overwrite-guard.js';
import { readInput } from '../read-input.js';
import { runOnFile } from '../run-on-file.js';
import { STANDARD_OUTPUT } from '../standard-output.js';

interface Flags extends WorkerFlags {
  readonly output: string;
  readonly overwrite: boolean;
  readonly pixel: readonly Pixel[];
  readonly center?: number;
  readonly halfB?: string;
  readonly lambda?: number | string;
}

/** `quietframe explain`. */
export function explainCommand(program: Command): void {
  program
    .command('explain')
    .description('draw the kernels that denoise pixels, at every level and in every frame')
    .argument('<in.exr...>', 'noisy frame, or the frames of a window in time order')
    .requiredOption('-o, --output <out.png>', 'picture of the kernels; .json has their weights, as - does')
    .addOption(
      new Option('--pixel <x,y>', 'pixel from the upper left of the data window; repeatable')
        .makeOptionMandatory()
        .argParser((text: string, pixels: readonly Pixel[] = []) => [
          ...pixels,
          ...parsePixels(text, '--pixel'),
        ]),
    )
    .option('--center <index>', 'frame that is denoised, from 0; by default the middle one', (text) =>
      parseInteger(text, '--center', 0, MAX_WINDOW - 1),
    )
    .option('--half-b <b.exr>', 'second half buffer: the same frame with another seed')
    .addOption(parameterOption('lambda'))
    .addOption(parameterOption('model', 'bundle that denoises'))
    .addOption(parameterOption('encoder'))
    .addOption(parameterOption('prefilter'))
    .addOption(parameterOption('source'))
    .addOption(parameterOption('view', 'stereo view that is denoised'))
    .addOption(parameterOption('layer'))
    .addOption(parameterOption('motion'))
    .addOption(parameterOption('spp'))
    .addOption(threadsOption())
    .addOption(engineOption())
    .addOption(keepOption())
    .action(explain);
}

async function explain(inputs: readonly string[], flags: Flags): Promise<void> {
  const type = typeOf(flags.output);
  if (inputs.length > MAX_WINDOW)
    throw invalidArgument(`at most ${MAX_WINDOW} frames`, 'the window', `${inputs.length}`);
  // Of two middle frames the later, as the service has it.
  const { center = inputs.length >> 1 } = flags;
  const input = inputs[center];
  if (input === undefined) throw invalidArgument(`0 to ${inputs.length - 1}`, '--center', `${center}`);
  const config = readConfig();
  const files = await Promise.all(inputs.map(readInput));
  const halfB = flags.halfB === undefined ? undefined : await readInput(flags.halfB);
  const lambdaMap = await lambdaMapOf(flags.lambda);
  await checkFolder(flags.output);
  const map = typeof flags.lambda === 'string' ? flags.lambda : undefined;
  const guard = await OverwriteGuard.check(
    [{ path: flags.output, parameter: '--output' }],
    [...inputs, flags.halfB, map],
  );
  if (!flags.overwrite) await guard.keepExisting();
  const exr = files[center] as Uint8Array;
  const neighbors = files.flatMap((file, i) =>
    i === center ? [] : [{ exr: file, offset: i - center, name: inputs[i] as string }],
  );
  const { noisy, report } = await runOnFile(
    input,
    { half_b: flags.halfB, lambda: map },
    { ...flags, device: 'cpu' },
    config,
    (tools) =>
      denoiseExr(
        {
          ...parameterRequest(flags),
          ...{ exr, neighbors, maps: { outputs: ['kernels'], pixels: flags.pixel } },
          ...(lambdaMap && { lambdaMap }),
          ...(halfB && { halves: [exr, halfB] as const }),
          ...tools.watch,
        },
        tools.services,
      ),
  );
  const { kernels = [] } = report;
  const bytes =
    type === 'png'
      ? drawKernels(kernels, noisy)
      : new TextEncoder().encode(`${JSON.stringify(kernels, null, 2)}\n`);
  await writeOutput(flags.output, bytes, guard);
  printReport(report, flags.output);
}

function typeOf(output: string): 'png' | 'json' {
  if (output === STANDARD_OUTPUT) return 'json';
  const suffix = extname(output).toLowerCase();
  if (suffix === '.png') return 'png';
  if (suffix === '.json') return 'json';
  throw invalidArgument('.png or .json as the suffix (- is standard output)', '--output', output);
}

function printReport(
  { warnings, kernels = [], model, version, windowUsed }: FullReport,
  output: string,
): void {
  for (const { code, message } of warnings) {
    process.stderr.write(`quietframe: warning ${code}: ${message}\n`);
  }
  const window = windowUsed === 1 ? '' : `, a window of ${windowUsed} frames`;
  const pixels = kernels.length === 1 ? '1 pixel' : `${kernels.length} pixels`;
  tellDone(`${output}: kernels of ${pixels}, ${model}@${version}${window}\n`, output);
}
