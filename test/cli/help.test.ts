import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { SETTINGS } from '../../src/config.js';
import type { Setting } from '../../src/setting.js';

const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));
const help = (...args: string[]): string =>
  execFileSync(process.execPath, [MAIN, ...args, '--help'], { encoding: 'utf8' });

const COMMANDS = [...help().matchAll(/^ {2}(?!help)([a-z-]+) /gm)].map(([, name]) => name as string);

it('has help for each command', () => {
  const commands = [
    'denoise',
    'sequence',
    'sample-map',
    'explain',
    'filter',
    'inspect',
    'compare',
    'serve',
    'completion',
  ];
  expect(COMMANDS).toEqual(commands);
});

describe.each([[[]], ...COMMANDS.map((name) => [[name]])])('the help of %s', (args) => {
  const text = help(...args);
  const lines = text.trimEnd().split('\n');

  it('fits a screen', () => {
    expect(lines.length).toBeLessThanOrEqual(args.length === 0 ? 24 : 50);
    expect(lines.filter((line) => line.length > 80)).toEqual([]);
  });

  it.skipIf(args.length === 0 || args[0] === 'completion')('ends with an example', () => {
    expect(lines.at(-1)).toMatch(new RegExp(`^Example: quietframe ${args[0]} `));
  });

  it('speaks with one voice', () => {
    const column = /^ {2}-h, --help +/m.exec(text)?.[0].length ?? 0;
    const descriptions = lines
      .filter((line) => /^ {2}-/.test(line))
      .map((line) => line.slice(column))
      .concat(lines[2] ?? '');
    expect(descriptions.length).toBeGreaterThan(1);
    for (const description of descriptions) {
      expect(description, 'no capital letters, no full stop').toMatch(/^([^\sA-Z]|[A-Z]{2,}).*[^.\s]$/);
      expect(description, 'said once, by the help itself').not.toMatch(/choices:|\(default: "/);
    }
  });
});

it('names the variables of the settings by one rule', () => {
  const text = help('serve').replaceAll('\n', ' ');
  for (const { env, flag, advanced } of Object.values<Setting<unknown>>(SETTINGS)) {
    expect(text.includes(`--${flag} <`)).toBe(advanced !== true);
    const byRule = `QUIETFRAME_${flag.toUpperCase().replaceAll('-', '_')}`;
    if (env !== byRule) expect(text).toContain(`--${flag} is ${env}.`);
  }
});
