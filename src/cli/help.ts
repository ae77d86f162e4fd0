import type { Argument, Command, Help, Option } from 'commander';

/** Texts wrap at this width, on wider terminals too. */
const WIDTH = 80;

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
