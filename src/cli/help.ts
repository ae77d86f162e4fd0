import type { Argument, Command, Help, Option } from 'commander';

/** Texts wrap at this width, on wider terminals too. */
const WIDTH = 80;

/** A command line of each command, as it is typed most often. */
const EXAMPLES: Readonly<Record<string, string>> = {
  denoise: 'quietframe denoise in.exr -o out.exr',
  sequence: "quietframe sequence 'shot.####.exr' -o 'clean.####.exr'",
  'sample-map': 'quietframe sample-map in.exr --budget 16 -o samples.exr',
  explain: 'quietframe explain in.exr --pixel 240,135 -o kernels.png',
  filter: 'quietframe filter small.png --with upscale --factor 2 -o large.png',
  inspect: 'quietframe inspect in.exr',
  compare: 'quietframe compare out.exr reference.exr',
  serve: 'quietframe serve --open --port 8080',
};

/** Ends the help of each command of a program with an example. */
export function addExamples(program: Command): void {
  for (const command of program.commands) {
    const example = EXAMPLES[command.name()];
    if (example !== undefined) command.addHelpText('after', `\nExample: ${example}`);
  }
}

/** Gives a program, and the commands that are added to it afterwards, the help texts of one voice. */
export function configureHelp(program: Command): Command {
  const described = (of: Option | Argument, suffix: string): string => {
    const choices = of.argChoices === undefined ? '' : `: ${of.argChoices.join(', ')}`;
    return `${of.description}${choices}${suffix}`;
  };
  const help: Partial<Help> = {
    helpWidth: Math.min(process.stdout.columns ?? WIDTH, WIDTH),
    optionDescription: (option) => {
      const shown = option.defaultValueDescription ?? option.defaultValue;
      return described(option, shown === undefined ? '' : ` (default: ${shown})`);
    },
    subcommandTerm: (command) => command.name(),
    argumentDescription: (argument) => described(argument, ''),
  };
  return program
    .configureHelp(help)
    .helpOption('-h, --help', 'show this help')
    .helpCommand('help [command]', 'show the help of a command');
}
