import type { Command } from 'commander';
import { readConfig } from '../../config.js';
import { ExrPool } from '../../exr/exr-pool.js';
import { compareExr } from '../../workflow/compare-exr.js';
import { type LayerFlags, resolveOptions, sourceOption } from '../options.js';
import { readInput } from '../read-input.js';

/** `quietframe compare`. */
export function compareCommand(program: Command): void {
  program
    .command('compare')
    .description('measure the beauty of an OpenEXR file against a reference')
    .argument('<a.exr>', 'picture that is measured')
    .argument('<ref.exr>', 'picture without noise')
    .option('--json', 'print JSON')
    .addOption(sourceOption())
    .action(compare);
}

async function compare(
  picture: string,
  reference: string,
  flags: LayerFlags & { readonly json?: boolean },
): Promise<void> {
  const pool = new ExrPool({ limits: { maxPixels: readConfig().maxPixels } });
  try {
    const [exr, truth] = await Promise.all([readInput(picture), readInput(reference)]);
    const comparison = await compareExr(exr, truth, pool, resolveOptions(flags));
    const { smape, relativeMse, dssim } = comparison;
    const lines = [
      `SMAPE  ${smape.toFixed(6)}`,
      `relMSE ${relativeMse.toFixed(6)}`,
      `DSSIM  ${dssim.toFixed(6)}`,
    ];
    process.stdout.write(flags.json ? `${JSON.stringify(comparison, null, 2)}\n` : `${lines.join('\n')}\n`);
  } finally {
    await pool.close();
  }
}
