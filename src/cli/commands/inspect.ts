import type { Command } from 'commander';
import { exrLimits, readConfig } from '../../config.js';
import { ExrPool } from '../../exr/pool.js';
import { type Inspection, inspectExr } from '../../files/inspect-exr.js';
import { parameterOption, parameterRequest } from '../options.js';
import { readInput } from '../read-input.js';

/** `quietframe inspect`. */
export function inspectCommand(program: Command): void {
  program
    .command('inspect')
    .description('show the layers of an OpenEXR file, their use, their faults and what is missing')
    .argument('<in.exr>', 'any OpenEXR file')
    .option('--json', 'print JSON')
    .addOption(parameterOption('source'))
    .addOption(parameterOption('view', 'stereo view that is looked at'))
    .addOption(parameterOption('layer'))
    .addOption(parameterOption('spp'))
    .action(inspect);
}

async function inspect(input: string, flags: { readonly json?: boolean }): Promise<void> {
  const pool = new ExrPool({ workers: 1, limits: exrLimits(readConfig()) });
  try {
    const inspection = await inspectExr(await readInput(input), pool, parameterRequest(flags));
    process.stdout.write(flags.json ? `${JSON.stringify(inspection, null, 2)}\n` : describe(inspection));
  } finally {
    await pool.close();
  }
}

function describe(inspection: Inspection): string {
  const { source, width, height, parts, varianceOrigin, warnings, recipe } = inspection;
  const lines = [`${width} x ${height}, ${source}, colour variance: ${varianceOrigin}`];
  for (const part of parts) {
    const { xMin, yMin, xMax, yMax } = part.dataWindow;
    lines.push(
      `part ${part.name || '(no name)'}: ${part.compression}, (${xMin}, ${yMin}) to (${xMax}, ${yMax})`,
    );
    const longest = Math.max(...part.channels.map((channel) => channel.name.length));
    for (const { name, type, usedAs } of part.channels) {
      lines.push(`  ${name.padEnd(longest)}  ${type.padEnd(5)}  ${usedAs.join(', ') || '-'}`);
    }
  }
  for (const { code, message } of warnings) lines.push(`warning ${code}: ${message}`);
  if (recipe.length > 0) lines.push(`for a better result from ${source}:`);
  for (const { need, how } of recipe) lines.push(`  ${need.padEnd(8)}  ${how}`);
  return `${lines.map(printable).join('\n')}\n`;
}

/** Names come from the file: nothing of them may steer the terminal. */
function printable(line: string): string {
  return line.replaceAll(/\p{Cc}/gu, '?');
}
