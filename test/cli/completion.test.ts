import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Argument, Command, Option } from 'commander';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bashCompletion } from '../../src/cli/completion/bash.js';
import { completedCommands } from '../../src/cli/completion/completed-command.js';
import { fishCompletion } from '../../src/cli/completion/fish.js';
import { zshCompletion } from '../../src/cli/completion/zsh.js';

const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));
const quietframe = (...args: string[]): string =>
  execFileSync(process.execPath, [MAIN, ...args], { encoding: 'utf8' });
const found = (shell: string): string | undefined =>
  [`/usr/bin/${shell}`, `/bin/${shell}`, `/opt/homebrew/bin/${shell}`].find(existsSync);
const BASH = found('bash');
const ZSH = found('zsh');
const FISH = found('fish');

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'quietframe-completion-'));
  mkdirSync(join(folder, 'shots'));
  for (const name of ['a frame.exr', 'b.exr', 'notes.txt']) writeFileSync(join(folder, name), '');
  for (const shell of ['bash', 'zsh', 'fish']) {
    writeFileSync(join(folder, `script.${shell}`), quietframe('completion', shell));
  }
});
afterAll(() => rmSync(folder, { recursive: true }));

it('reads the tables of options', () => {
  const program = new Command('p').addCommand(
    new Command('cut')
      .description('cuts')
      .addArgument(new Argument('<in.exr>', 'in'))
      .addOption(new Option('-o, --output <file>', "the file's place"))
      .addOption(new Option('--side <name>', 'side').choices(['left', 'right']))
      .addOption(new Option('--dry', 'only say')),
  );
  expect(completedCommands(program)).toEqual([
    {
      name: 'cut',
      description: 'cuts',
      argument: { name: 'in.exr', offer: { kind: 'exr' } },
      options: [
        {
          names: ['-o', '--output'],
          description: "the file's place",
          value: { name: 'file', offer: { kind: 'files' } },
        },
        {
          names: ['--side'],
          description: 'side',
          value: { name: 'name', offer: { kind: 'words', words: ['left', 'right'] } },
        },
        { names: ['--dry'], description: 'only say' },
        { names: ['-h', '--help'], description: 'display help for command' },
      ],
    },
  ]);
});

it('quotes what a shell would read otherwise', () => {
  const commands = [
    {
      name: 'x',
      description: "it's [a]: $(reboot)",
      options: [{ names: ['--y'], description: "it's [b]: `reboot`" }],
      argument: { name: 'none', offer: { kind: 'nothing' as const } },
    },
  ];
  expect(zshCompletion(commands)).toContain(`'--y[it'\\''s \\[b\\]\\: \`reboot\`]'`);
  expect(fishCompletion(commands)).toContain(`-d 'it\\'s [b]: \`reboot\`'`);
  expect(bashCompletion(commands)).not.toContain('reboot');
});

describe.runIf(BASH)('in bash', () => {
  /** What the shell offers at the end of a line. */
  const offers = (...words: string[]): string[] => {
    const script = [
      'source script.bash',
      `COMP_WORDS=(quietframe ${words.map((word) => `'${word}'`).join(' ')})`,
      `COMP_CWORD=${words.length}`,
      '_quietframe',
      `printf "%s\\n" "\${COMPREPLY[@]}"`,
    ].join('\n');
    const output = execFileSync(BASH as string, ['--norc', '--noprofile', '-c', script], {
      cwd: folder,
      encoding: 'utf8',
    });
    return output.split('\n').filter((line) => line !== '');
  };

  it.each([
    [['se'], ['sequence', 'serve']],
    [['--v'], ['--version']],
    [
      ['denoise', '--al'],
      ['--albedo', '--alpha'],
    ],
    [
      ['denoise', '--alpha', ''],
      ['auto', 'copy', 'denoise'],
    ],
    [['denoise', 'b.exr', '--alpha', '=', 'd'], ['denoise']],
    [
      ['denoise', 'b.exr', '--alpha', '='],
      ['auto', 'copy', 'denoise'],
    ],
    [
      ['denoise', ''],
      ['shots', 'a frame.exr', 'b.exr'],
    ],
    [['inspect', 'a'], ['a frame.exr']],
    [['denoise', 'b.exr', '-o', 'b'], ['b.exr']],
    [['denoise', 'b.exr', '--report', 'n'], ['notes.txt']],
    [['serve', '--models', ''], ['shots']],
    [['serve', '--log', 'd'], ['debug']],
    [['serve', ''], []],
    [['completion', 'f'], ['fish']],
  ])('%j offers %j', (words, offered) => {
    expect(offers(...words)).toEqual(offered);
  });

  it('offers all options of a command', () => {
    const options = [...quietframe('denoise', '--help').matchAll(/(?<=^ {2}(?:-\w, )?)--[a-z-]+/gm)];
    expect(new Set(offers('denoise', '--'))).toEqual(new Set(options.map(String)));
  });
});

describe.runIf(ZSH)('in zsh', () => {
  it('is a script that zsh reads and loads', () => {
    execFileSync(ZSH as string, ['-f', '-n', join(folder, 'script.zsh')]);
    const load = 'autoload -Uz compinit; compinit -D -u; source script.zsh; print $_comps[quietframe]';
    const output = execFileSync(ZSH as string, ['-f', '-c', load], { cwd: folder, encoding: 'utf8' });
    expect(output.trim()).toBe('_quietframe');
  });
});

describe.runIf(FISH)('in fish', () => {
  const offers = (line: string): string[] =>
    execFileSync(FISH as string, ['--no-config', '-c', `source script.fish; complete -C '${line}'`], {
      cwd: folder,
      encoding: 'utf8',
      env: { ...process.env, HOME: folder },
    })
      .split('\n')
      .map((offer) => offer.split('\t')[0] as string)
      .filter((offer) => offer !== '');

  it.each([
    ['quietframe se', ['sequence', 'serve']],
    ['quietframe denoise --al', ['--alpha']],
    ['quietframe denoise --alpha ', ['auto', 'copy', 'denoise']],
    ['quietframe inspect b', ['b.exr']],
    ['quietframe serve --models s', ['shots/']],
    ['quietframe completion f', ['fish']],
  ])('%s offers %j', (line, offered) => {
    expect(offers(line)).toEqual(offered);
  });
});
