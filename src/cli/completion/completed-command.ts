import type { Argument, Command, Option } from 'commander';

/** What the shell offers for a value. */
export type Offer =
  | { readonly kind: 'words'; readonly words: readonly string[] }
  | { readonly kind: 'exr' | 'files' | 'folders' | 'nothing' };

/** An option of a command. */
export interface CompletedOption {
  /** With the dashes, the short one first. */
  readonly names: readonly string[];
  readonly description: string;
  /** What its value is called and may be; nothing for a switch. */
  readonly value?: { readonly name: string; readonly offer: Offer };
}

/** A command as the shells complete it. */
export interface CompletedCommand {
  readonly name: string;
  readonly description: string;
  readonly options: readonly CompletedOption[];
  /** What all of its arguments may be. */
  readonly argument: { readonly name: string; readonly offer: Offer };
}

/** Reads the commands' own tables of options, so that no list is kept twice. */
export function completedCommands(program: Command): readonly CompletedCommand[] {
  return program.commands.map((command) => ({
    name: command.name(),
    description: command.description(),
    options: command.createHelp().visibleOptions(command).map(completedOption),
    argument: completedArgument(command.registeredArguments[0]),
  }));
}

function completedOption(option: Option): CompletedOption {
  const names = [option.short, option.long].filter((name) => name !== undefined);
  const { description, flags, argChoices } = option;
  const name = /<(.+)>/.exec(flags)?.[1];
  if (name === undefined) return { names, description };
  return { names, description, value: { name, offer: offerOf(name, argChoices) } };
}

function completedArgument(argument: Argument | undefined): CompletedCommand['argument'] {
  const name = argument?.name() ?? 'nothing';
  return { name, offer: offerOf(name, argument?.argChoices) };
}

/** Placeholders tell what a value is: `<out.exr>`, `<file>`, `<folder>`. */
function offerOf(name: string, choices: readonly string[] | undefined): Offer {
  if (choices !== undefined) return { kind: 'words', words: choices };
  if (name.includes('.exr')) return { kind: 'exr' };
  if (name === 'file') return { kind: 'files' };
  return { kind: name === 'folder' ? 'folders' : 'nothing' };
}
