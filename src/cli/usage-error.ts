import type { CommanderError } from 'commander';
import { expected } from '../errors.js';

/** Words of commander's errors, and what this command line says in their place. */
const SENTENCES: readonly (readonly [RegExp, (found: readonly string[], of: Usage) => string])[] = [
  [
    /unknown option '(.+?)'(?:\s*\(Did you mean (.+)\?\))?/s,
    ([name = '', near], { command }) => suggest(expected('an option', command, name), near),
  ],
  [
    /unknown command '(.+?)'(?:\s*\(Did you mean (.+)\?\))?/s,
    ([name = '', near], { commands }) =>
      suggest(expected(`one of ${commands.join(', ')}`, 'the command', name), near),
  ],
  [
    /required option '(.+)' not specified/,
    ([flags = '']) => expected(placeholder(flags), longOf(flags), bare('nothing')),
  ],
  [
    /option '(.+)' argument missing/,
    ([flags = '']) => expected(placeholder(flags), longOf(flags), bare('nothing')),
  ],
  [/missing required argument '(.+)'/, ([name = '']) => expected('a value', name, bare('nothing'))],
  [
    /too many arguments.*Expected (\d+) arguments? but got (\d+)/,
    ([wanted = '', got = ''], { command }) =>
      expected(`${wanted} ${wanted === '1' ? 'argument' : 'arguments'}`, command, bare(got)),
  ],
];

/** What was called. */
interface Usage {
  /** `quietframe denoise`. */
  readonly command: string;
  readonly commands: readonly string[];
}

/** The error of a wrong command line in the form of all errors. */
export function usageError({ message }: CommanderError, usage: Usage): string {
  for (const [words, say] of SENTENCES) {
    const found = words.exec(message);
    if (found !== null) return say(found.slice(1), usage);
  }
  return message.replace(/^error: /, '');
}

/** Shown without quotation marks. */
function bare(text: string): { toString(): string } {
  return { toString: () => text };
}

function suggest(sentence: string, near: string | undefined): string {
  return near === undefined ? sentence : `${sentence} (did you mean ${near}?)`;
}

function placeholder(flags: string): string {
  return /<.+>/.exec(flags)?.[0] ?? 'a value';
}

function longOf(flags: string): string {
  return /--[a-z-]+/.exec(flags)?.[0] ?? flags;
}
