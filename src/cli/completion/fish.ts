import type { CompletedCommand, Offer } from './completed-command.js';

/** A script that tells fish how to complete `quietframe`. */
export function fishCompletion(commands: readonly CompletedCommand[]): string {
  const lines = [
    '# Completes quietframe in fish: quietframe completion fish | source',
    'complete -c quietframe -f',
    "complete -c quietframe -n __fish_use_subcommand -s h -l help -d 'show this help'",
    "complete -c quietframe -n __fish_use_subcommand -s V -l version -d 'show the version'",
  ];
  for (const { name, description, options, argument } of commands) {
    lines.push(`complete -c quietframe -n __fish_use_subcommand -a ${name} -d ${quoted(description)}`);
    const here = `complete -c quietframe -n '__fish_seen_subcommand_from ${name}'`;
    for (const option of options) {
      const flags = option.names.map((flag) =>
        flag.startsWith('--') ? `-l ${flag.slice(2)}` : `-s ${flag.slice(1)}`,
      );
      const value = option.value === undefined ? '' : ` -r${offer(option.value.offer)}`;
      lines.push(`${here} ${flags.join(' ')}${value} -d ${quoted(option.description)}`);
    }
    if (argument.offer.kind !== 'nothing') lines.push(`${here}${offer(argument.offer)}`);
  }
  return `${lines.join('\n')}\n`;
}

function offer(of: Offer): string {
  if (of.kind === 'words') return ` -f -a ${quoted(of.words.join(' '))}`;
  if (of.kind === 'exr') return " -f -k -a '(__fish_complete_suffix .exr)'";
  if (of.kind === 'files') return ' -F';
  return of.kind === 'folders' ? " -f -a '(__fish_complete_directories)'" : ' -f';
}

function quoted(text: string): string {
  return `'${text.replaceAll(/[\\']/g, '\\$&')}'`;
}
