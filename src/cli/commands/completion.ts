import { Argument, type Command } from 'commander';
import { bashCompletion } from '../completion/bash.js';
import { completedCommands } from '../completion/completed-command.js';
import { fishCompletion } from '../completion/fish.js';
import { zshCompletion } from '../completion/zsh.js';
import { oneOf } from '../options.js';

const SHELLS = { bash: bashCompletion, zsh: zshCompletion, fish: fishCompletion };

/** `quietframe completion`: it completes all commands that the program has when it runs. */
export function completionCommand(program: Command): void {
  const shells = Object.keys(SHELLS);
  program
    .command('completion')
    .description('print a script that completes this command line in a shell')
    .addArgument(
      new Argument('<shell>', 'whose script it is').choices(shells).argParser(oneOf(shells, 'the shell')),
    )
    .addHelpText(
      'after',
      `
Put the line of your shell into its start-up file:
  ~/.bashrc                   eval "$(quietframe completion bash)"
  ~/.zshrc, after compinit    source <(quietframe completion zsh)
  ~/.config/fish/config.fish  quietframe completion fish | source`,
    )
    .action((shell: keyof typeof SHELLS) => {
      process.stdout.write(SHELLS[shell](completedCommands(program)));
    });
}
