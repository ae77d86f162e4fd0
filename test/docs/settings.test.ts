import { expect, it } from 'vitest';
import { SETTINGS } from '../../src/config.js';
import type { Setting } from '../../src/setting.js';

/** Defaults that depend on the machine. */
const BY_MACHINE: Readonly<Partial<Record<keyof typeof SETTINGS, string>>> = {
  modelsDirectory: 'those that ship',
  threads: 'one a processor',
  memoryBytes: 'what the process may have',
  memoryBudgetBytes: 'a sixteenth of the memory, at most 512 MiB',
  decodedCacheBytes: 'a sixteenth of the memory',
  featureCacheBytes: 'an eighth of the memory',
  frameCacheBytes: 'a sixteenth of the memory',
  answerBytes: 'a sixteenth of the memory, at most 512 MiB',
  uploadMemoryBytes: 'an eighth of the memory',
  maxUploadBytes: 'the upload memory, at most 1 GiB',
  frameMemoryBytes: 'what the others leave, about half of the memory',
};

function settingsPage(): string {
  const rows = Object.entries<Setting<unknown>>(SETTINGS).map(
    ([key, { env, flag, unit, description, choices, fallback }]) => {
      const meaning = `${description}${choices === undefined ? '' : `: ${choices.join(', ')}`}`;
      const usual = BY_MACHINE[key as keyof typeof SETTINGS] ?? shown(fallback, unit);
      return `| \`--${flag}\` | \`${env}\` | ${unit} | ${usual} | ${meaning} |`;
    },
  );
  return `${[
    '# Settings of the service',
    '',
    '`npm run build:docs` generates this page from `src/config.ts`. A flag of `quietframe serve` overrides its variable. An empty variable',
    'counts as not set. The log begins with the active values. The other commands read the variables for models,',
    'threads, memory and limits. [deployment.md](deployment.md) describes the choices.',
    '',
    '| flag | variable | unit | default | |',
    '|---|---|---|---|---|',
    ...rows,
  ].join('\n')}\n`;
}

function shown(fallback: unknown, unit: string): string {
  if (fallback === undefined) return '';
  if (unit !== 'bytes') return String(fallback);
  const mebibytes = Number(fallback) / 2 ** 20;
  return mebibytes < 1024 ? `${mebibytes} MiB` : `${mebibytes / 1024} GiB`;
}

it('is the table of the settings; `npm run build:docs` writes it', async () => {
  await expect(settingsPage()).toMatchFileSnapshot('../../docs/settings.md');
});
