#!/usr/bin/env node
import '../no-telemetry.js';
import { Command, CommanderError } from 'commander';
import { QuietframeError } from '../errors.js';
import { VERSION } from '../version.js';
import { compareCommand } from './commands/compare.js';
import { completionCommand } from './commands/completion.js';
import { denoiseCommand } from './commands/denoise.js';
import { explainCommand } from './commands/explain.js';
import { filterCommand } from './commands/filter.js';
import { inspectCommand } from './commands/inspect.js';
import { sampleMapCommand } from './commands/sample-map.js';
import { sequenceCommand } from './commands/sequence.js';
import { serveCommand } from './commands/serve.js';
import { addExamples, configureHelp } from './help.js';
import { Interrupted } from './interrupted.js';
import { usageError } from './usage-error.js';

/** Exit codes: the work failed; the command line is wrong. */
const FAILED = 1;
const WRONG_USAGE = 2;
/** What shells expect of a command that SIGINT has stopped. */
const INTERRUPTED = 130;

/** Runs the command line and resolves to the exit code; errors are one line on standard error. */
async function main(args: readonly string[]): Promise<number> {
  const program = configureHelp(new Command('quietframe'))
    .description('denoise Monte Carlo renders in OpenEXR files, here or as a service')
    .version(VERSION, '-V, --version', 'show the version')
    .usage('<command> ...')
    .exitOverride()
    .configureOutput({ outputError: () => {} });
  for (const addTo of [
    denoiseCommand,
    sequenceCommand,
    sampleMapCommand,
    explainCommand,
    filterCommand,
    inspectCommand,
    compareCommand,
    serveCommand,
    completionCommand,
  ])
    addTo(program);
  addExamples(program);
  try {
    await program.parseAsync(args, { from: 'user' });
    return 0;
  } catch (error) {
    // Commander throws to end after --help and --version too; its `commander.help` stands for a missing command.
    if (error instanceof CommanderError) {
      if (error.exitCode === 0) return 0;
      if (error.code !== 'commander.help') {
        const commands = program.commands.map((command) => command.name());
        const called = args.find((argument) => commands.includes(argument));
        complain(usageError(error, { command: ['quietframe', called ?? []].flat().join(' '), commands }));
      }
      return WRONG_USAGE;
    }
    if (error instanceof Interrupted) {
      complain(error.message);
      return INTERRUPTED;
    }
    if (!(error instanceof QuietframeError)) {
      complain(`Internal error: ${error instanceof Error ? error.message : String(error)}`);
      return FAILED;
    }
    complain(error.message);
    return error.code === 'invalid-argument' ? WRONG_USAGE : FAILED;
  }
}

function complain(message: string): void {
  process.stderr.write(`quietframe: ${message.replaceAll(/\s*\n\s*/g, ' ')}\n`);
}

// The reader of a pipe may go away; there is no one left to tell.
process.stdout.on('error', () => process.exit(FAILED));

process.exitCode = await main(process.argv.slice(2));
