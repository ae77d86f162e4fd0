import { extname } from 'node:path';
import type { Command } from 'commander';
import { Option } from 'commander';
import { exrLimits, readConfig } from '../../config.js';
import { invalidArgument } from '../../errors.js';
import type { FilteredFile } from '../../files/filter/filter-file.js';
import { checkFilterOptions, FILTER_NAMES, type FilterName } from '../../files/filter/filter-options.js';
import type { FilterRequest } from '../../files/filter/filter-picture.js';
import { isPng } from '../../files/filter/png-picture.js';
import { checkFolder } from '../check-folder.js';
import { choiceOption, keepOption, parseNumber, parsePositive } from '../options.js';
import { checkReport, tellDone, writeOutput } from '../output.js';
import { OverwriteGuard } from '../overwrite-guard.js';
import { readInput } from '../read-input.js';
import { STANDARD_OUTPUT } from '../standard-output.js';
import { withFile } from '../with-file.js';

interface Flags {
  readonly output: string;
  readonly overwrite: boolean;
  readonly with: FilterName;
  readonly sigma: number | 'auto';
  readonly blur?: number | 'auto';
  readonly factor?: number;
  readonly global?: boolean;
  readonly strength?: number;
  readonly parameters?: string;
  readonly writeParameters?: string;
  readonly report?: string;
}

/** `quietframe filter`. */
export function filterCommand(program: Command): void {
  program
    .command('filter')
    .description('filter a photograph or a render with predicted parameters')
    .argument('<picture>', 'PNG of 8 or 16 bits, or OpenEXR')
    .requiredOption('-o, --output <file>', 'the filtered picture, of the same format')
    .addOption(choiceOption('--with <filter>', 'filter', FILTER_NAMES).makeOptionMandatory())
    .addOption(
      new Option('--sigma <n|auto>', "noise of each channel, in the picture's units: [0, 1] of a PNG")
        .default('auto')
        .argParser((text) => (text === 'auto' ? text : parsePositive(text, '--sigma'))),
    )
    .addOption(
      new Option('--blur <px|auto>', 'of deblur, in [0.3, 4]: sigma of the blur that is undone')
        .default(undefined, 'auto')
        .argParser((text) => (text === 'auto' ? text : parseNumber(text, '--blur', 0.3, 4))),
    )
    .addOption(
      new Option('--factor <n>', 'of upscale, in [1, 8]: magnification')
        .default(undefined, '2')
        .argParser((text) => parseNumber(text, '--factor', 1, 8)),
    )
    .option('--global', 'the same parameters everywhere: the mean of the predicted ones')
    .addOption(
      new Option('--strength <n>', 'in [0, 4]: scales the parameters')
        .default(undefined, '1')
        .argParser((text) => parseNumber(text, '--strength', 0, 4)),
    )
    .option('--parameters <in.exr>', 'parameters to filter with, such as edited ones')
    .option('--write-parameters <out.exr>', 'write the parameters that were applied')
    .option('--report <file>', 'write what was done as JSON; - is standard output')
    .addOption(keepOption())
    .action(filter);
}

async function filter(input: string, flags: Flags): Promise<void> {
  const { output, parameters, writeParameters, report, overwrite, ...options } = flags;
  checkFilterOptions(options, parameters !== undefined);
  const picture = await readInput(input);
  const map = parameters === undefined ? undefined : await readInput(parameters);
  const type = isPng(picture) ? '.png' : '.exr';
  if (output !== STANDARD_OUTPUT && extname(output).toLowerCase() !== type) {
    throw invalidArgument(`${type} as the suffix (- is standard output)`, '--output', output);
  }
  if (writeParameters !== undefined && extname(writeParameters).toLowerCase() !== '.exr') {
    throw invalidArgument('.exr as the suffix', '--write-parameters', writeParameters);
  }
  checkReport(report, output);
  for (const path of [output, writeParameters, report]) {
    if (path !== undefined && path !== STANDARD_OUTPUT) await checkFolder(path);
  }
  const guard = await OverwriteGuard.check(
    [
      { path: output, parameter: '--output' },
      { path: writeParameters, parameter: '--write-parameters' },
      { path: report, parameter: '--report' },
    ],
    [input, parameters],
  );
  if (!overwrite) await guard.keepExisting();
  const request = { picture, ...options, ...(map && { parameters: map }) };
  const result = await run(request, input, parameters);
  await writeOutput(output, result.bytes, guard);
  if (writeParameters !== undefined) await guard.write(writeParameters, result.parameters);
  const json = `${JSON.stringify(result.report, null, 2)}\n`;
  if (report === STANDARD_OUTPUT) {
    process.stdout.write(json);
    return;
  }
  if (report !== undefined) await guard.write(report, json);
  const { width, height, filter: name, sigma } = result.report;
  tellDone(`${output}: ${width} x ${height}, ${name}, noise sigma ${sigma.toPrecision(3)}\n`, output);
}

async function run(
  request: FilterRequest,
  input: string,
  parameters: string | undefined,
): Promise<FilteredFile> {
  const config = readConfig();
  // The engine is large: only the commands that need it load it.
  const { PictureFilter } = await import('../../files/filter/filter-picture.js');
  try {
    const filter = await PictureFilter.open(config.modelsDirectory, exrLimits(config));
    try {
      return await filter.filter(request);
    } finally {
      await filter.close();
    }
  } catch (error) {
    throw withFile(error, input, { parameters });
  }
}
