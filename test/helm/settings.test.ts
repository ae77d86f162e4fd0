import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { checkMemory, readConfig, SETTINGS } from '../../src/config.js';

const read = (path: string): string =>
  readFileSync(new URL(`../../helm/quietframe/${path}`, import.meta.url), 'utf8');
const values = read('values.yaml');
/** Variables of the service by the values of the chart that set them. */
const mapped = [...read('templates/configmap.yaml').matchAll(/"([A-Z_]+)" \.(\w+)/g)].map(
  ([, variable = '', value = '']) => ({ variable, value }),
);

it('sets variables that the service reads, each by a value of its own', () => {
  const known = Object.values(SETTINGS).map(({ env }) => env);
  expect(mapped.length).toBeGreaterThan(15);
  for (const { variable, value } of mapped) {
    expect(known).toContain(`QUIETFRAME_${variable}`);
    expect(values).toMatch(new RegExp(`^  ${value}: `, 'm'));
  }
});

it('has sizes that fit the memory limit of its pods', () => {
  const limit = /limits:\n(?: {4}.*\n)*? {4}memory: (\d+)Gi/.exec(values)?.[1];
  const environment = Object.fromEntries(
    mapped.map(({ variable, value }) => {
      const given = new RegExp(`^  ${value}: (\\d*)`, 'm').exec(values)?.[1] ?? '';
      return [`QUIETFRAME_${variable}`, given];
    }),
  );
  expect(environment.QUIETFRAME_THREADS).toBe('4');
  // A service takes the limit of its container for the memory that it has.
  const memory = String(Number(limit) * 2 ** 30);
  const config = readConfig({ ...environment, QUIETFRAME_MEMORY: memory });
  expect(() => checkMemory(config)).not.toThrow();
  expect(config.frameMemoryBytes).toBeGreaterThan(5.5 * 2 ** 30);
});
