import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const at = (path: string): string => fileURLToPath(new URL(`../../${path}`, import.meta.url));
const read = (path: string): string => readFileSync(at(path), 'utf8');

/** Commands of others, whose options are theirs. */
const FOREIGN = [
  ...['git', 'pip', 'xz', 'openssl', 'kubectl', 'cd', 'source', 'export', 'sudo', 'apt-get'],
  ...['deadlinecommand', 'qbsub', 'tractor-spool', 'afcmd'],
];

/**
 * What is wrong with the commands of a `console` block: they are not run, but scripts, files and options that they name
 * have to be there.
 */
export function consoleFaults(text: string): readonly string[] {
  const commands = text
    .replaceAll(/\s*\\\n\s*/g, ' ')
    .split(/\n|&&|\|/)
    .map((line) => line.replace(/(^|\s)#\s.*$/, '').trim())
    .filter((line) => line !== '');
  return commands.flatMap((command) =>
    commandFaults(wordsOf(command)).map((fault) => `${command}: ${fault}`),
  );
}

function commandFaults(words: readonly string[]): readonly string[] {
  const [program = '', ...args] = words;
  const [first = ''] = args;
  if (/^\w+=/.test(program)) return commandFaults(args);
  if (program === 'npx') return commandFaults(args);
  if (program.split('/').at(-1) === 'quietframe') return args.length > 0 ? quietframeFaults(args) : [];
  if (program === 'node' && first === 'dist/cli/main.js') return quietframeFaults(args.slice(1));
  if (program === 'node') return scriptFaults(args);
  if (program === 'npm') return npmFaults(args);
  if (/^(.*\/)?python3?(\.\d+)?$/.test(program)) return pythonFaults(args);
  if (program === 'docker') return dockerFaults(args);
  if (program === 'helm') return helmFaults(args);
  if (program === 'bash') return existsSync(at(first)) ? [] : [`there is no ${first}`];
  if (program.startsWith('scripts/')) return existsSync(at(program)) ? [] : [`there is no ${program}`];
  return FOREIGN.includes(program.split('/').at(-1) as string) ? [] : ['nothing is known of this command'];
}

const helps = new Map<string, string>();

function quietframeFaults([command = '', ...args]: readonly string[]): readonly string[] {
  let help = helps.get(command);
  if (help === undefined) {
    help = execFileSync(process.execPath, [at('dist/cli/main.js'), command, '--help'], { encoding: 'utf8' });
    helps.set(command, help);
  }
  // Options that belong together share a line: "also --normal, --variance".
  const also = [...help.matchAll(/\balso ((?:--[\w-]+,?\s*)+)/g)].flatMap((match) => wordsOf(match[1] ?? ''));
  return missing(
    args,
    (flag) =>
      new RegExp(`^ +(-\\w, )?${flag}( |$)`, 'm').test(help) ||
      also.includes(flag) ||
      also.includes(`${flag},`),
  );
}

/** A script of the repository, which names its options for `parseArgs`. */
function scriptFaults([path = '', ...args]: readonly string[]): readonly string[] {
  if (!existsSync(at(path))) return [`there is no ${path}`];
  const source = read(path);
  return missing(args, (flag) => new RegExp(`\\b'?${flag.slice(2)}'?: \\{`).test(source));
}

function npmFaults(args: readonly string[]): readonly string[] {
  const [command = '', script = ''] = args.filter((arg) => !arg.startsWith('-'));
  const scripts: Record<string, string> = JSON.parse(read('package.json')).scripts;
  if (command === 'run') return script in scripts ? [] : [`there is no script ${script}`];
  return ['ci', 'install', 'link', 'pack', 'test', 'start'].includes(command)
    ? []
    : [`npm ${command} is not known`];
}

function pythonFaults(args: readonly string[]): readonly string[] {
  const [option, name = '', ...rest] = args;
  if (option !== '-m') return existsSync(at(option ?? '')) ? [] : [`there is no ${option}`];
  if (['venv', 'pip', 'pytest'].includes(name)) return [];
  const module = `training/${name.replaceAll('.', '/')}`;
  const file = [`${module}.py`, `${module}/__main__.py`].find((path) => existsSync(at(path)));
  if (file === undefined) return [`there is no ${module}.py`];
  const source = read(file);
  const shared = [...source.matchAll(/^from \.+(\w+) import/gm)].map(([, module]) => module as string);
  const folder = file.replace(/[^/]+$/, '');
  const sources = [
    source,
    ...shared.flatMap((module) =>
      [`${folder}${module}.py`, `training/quietframe_training/${module}.py`]
        .filter((path) => existsSync(at(path)))
        .map(read),
    ),
  ];
  return missing(rest, (flag) => sources.some((text) => text.includes(`"${flag}"`)));
}

function dockerFaults([command = '', ...args]: readonly string[]): readonly string[] {
  if (command === 'build') {
    const file = args[args.indexOf('-f') + 1];
    return args.includes('-f') && !existsSync(at(file ?? '')) ? [`there is no ${file}`] : [];
  }
  const image = args.findIndex((arg) => arg.startsWith('quietframe:'));
  if (command !== 'run' || image < 0) return ['no image of quietframe is run'];
  return image + 1 < args.length ? quietframeFaults(args.slice(image + 1)) : [];
}

function helmFaults(args: readonly string[]): readonly string[] {
  const values = read('helm/quietframe/values.yaml');
  const settings = args
    .filter((_, i) => args[i - 1] === '--set')
    .map((setting) => setting.split('=')[0] as string);
  const unknown = settings.filter(
    (path) => !path.split('.').every((key) => new RegExp(`^ *${key}:`, 'm').test(values)),
  );
  const folders = args.filter((arg) => arg.startsWith('helm/') && !existsSync(at(arg)));
  return [
    ...unknown.map((path) => `there is no value ${path}`),
    ...folders.map((path) => `there is no ${path}`),
  ];
}

function missing(args: readonly string[], knows: (flag: string) => boolean): readonly string[] {
  const flags = args.filter((arg) => /^--?[a-z]/i.test(arg)).map((arg) => arg.split('=')[0] as string);
  return flags
    .filter((flag) => !knows(flag) && !(flag === '-o' && knows('--output')))
    .map((flag) => `there is no ${flag}`);
}

/** Words as a shell splits them, without quotation marks. */
function wordsOf(command: string): readonly string[] {
  return [...command.matchAll(/(?:[^\s'"]|'[^']*'|"[^"]*")+/g)].map(([word]) => word.replaceAll(/['"]/g, ''));
}
