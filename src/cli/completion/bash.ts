import type { CompletedCommand, Offer } from './completed-command.js';

/** A script that tells bash, 3.2 or newer, how to complete `quietframe`. */
export function bashCompletion(commands: readonly CompletedCommand[]): string {
  const values = commands.flatMap(({ name, options }) =>
    options.flatMap((option) =>
      option.value === undefined
        ? []
        : [
            `    ${option.names.map((flag) => `${name}:${flag}`).join('|')}) ${offer(option.value.offer)}; return ;;`,
          ],
    ),
  );
  const rest = commands.map(({ name, options, argument }) => {
    const flags = options.flatMap((option) => option.names).join(' ');
    return `    ${name}) if [[ $current == -* ]]; then ${words(flags)}; else ${offer(argument.offer)}; fi ;;`;
  });
  return `# Completes quietframe in bash: eval "$(quietframe completion bash)"
_quietframe() {
  local IFS=$'\\n' current=\${COMP_WORDS[COMP_CWORD]} before=\${COMP_WORDS[COMP_CWORD-1]}
  # bash takes --name=value for three words.
  if [[ $current == = ]]; then current=
  elif [[ $before == = ]]; then before=\${COMP_WORDS[COMP_CWORD-2]}
  fi
  COMPREPLY=()
  if [[ $COMP_CWORD -eq 1 ]]; then
    ${words(`${commands.map(({ name }) => name).join(' ')} --help --version`)}
    return
  fi
  case \${COMP_WORDS[1]}:$before in
${values.join('\n')}
  esac
  case \${COMP_WORDS[1]} in
${rest.join('\n')}
  esac
}
complete -o filenames -F _quietframe quietframe
`;
}

function offer(of: Offer): string {
  if (of.kind === 'words') return words(of.words.join(' '));
  const folders = '$(compgen -d -- "$current")';
  if (of.kind === 'exr') return `COMPREPLY=(${folders} $(compgen -f -X '!*.exr' -- "$current"))`;
  if (of.kind === 'files') return 'COMPREPLY=($(compgen -f -- "$current"))';
  return of.kind === 'folders' ? `COMPREPLY=(${folders})` : ':';
}

/** The words are split by spaces, whatever else the function splits by. */
function words(list: string): string {
  return `COMPREPLY=($(IFS=' '; compgen -W '${list}' -- "$current"))`;
}
