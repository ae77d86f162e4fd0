import type { CompletedCommand, CompletedOption, Offer } from './completed-command.js';

/** A script that tells zsh how to complete `quietframe`; it may be sourced, or be a file `_quietframe` of `fpath`. */
export function zshCompletion(commands: readonly CompletedCommand[]): string {
  const names = commands.map(({ name, description }) => `        ${quoted(`${name}:${description}`)}`);
  const cases = commands.map(({ name, options, argument }) => {
    const specs = [...options.map(option), quoted(`*:${plain(argument.name)}:${action(argument.offer)}`)];
    return `        ${name}) _arguments ${specs.join(' \\\n          ')} ;;`;
  });
  return `#compdef quietframe
# Completes quietframe in zsh: source <(quietframe completion zsh)
_quietframe() {
  local context state line
  local -A opt_args
  _arguments -C '(- *)'{-h,--help}'[show this help]' '(- *)'{-V,--version}'[show the version]' \\
    '1:command:->command' '*::argument:->argument'
  case $state in
    command)
      local -a commands=(
${names.join('\n')}
      )
      _describe command commands ;;
    argument)
      case $words[1] in
${cases.join('\n')}
      esac ;;
  esac
}
if [[ $funcstack[1] == _quietframe ]]; then _quietframe "$@"; else compdef _quietframe quietframe; fi
`;
}

function option({ names, description, value }: CompletedOption): string {
  const rest = `[${plain(description)}]${value === undefined ? '' : `:${plain(value.name)}:${action(value.offer)}`}`;
  return names.length === 1
    ? quoted(`${names[0]}${rest}`)
    : `${quoted(`(${names.join(' ')})`)}{${names.join(',')}}${quoted(rest)}`;
}

function action(of: Offer): string {
  if (of.kind === 'words') return `(${of.words.join(' ')})`;
  if (of.kind === 'exr') return '_files -g "*.exr"';
  if (of.kind === 'files') return '_files';
  return of.kind === 'folders' ? '_files -/' : ' ';
}

/** Brackets and colons separate the parts of a specification. */
function plain(text: string): string {
  return text.replaceAll(/[\\[\]:]/g, '\\$&');
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
