import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { NEEDS } from '../../../src/frame/layers/render-source.js';
import { SOURCES } from '../../../src/frame/layers/source-list.js';
import { namedMotion } from '../../../src/frame/motion/motion.js';
import { SOURCE_NAMES } from '../../../src/frame/source-names.js';

const folder = new URL('../../../src/frame/layers/sources/', import.meta.url);

it('lists every file of the folder, the generic one last', () => {
  const files = readdirSync(folder).map((file) => file.replace(/\.ts$/, ''));
  expect(SOURCES.map(({ name }) => name)).toEqual([...SOURCE_NAMES]);
  expect([...SOURCE_NAMES].sort()).toEqual(files.sort());
  expect(SOURCE_NAMES.at(-1)).toBe('generic');
  const { status, stderr } = spawnSync(process.execPath, ['scripts/list-sources.mjs', '--check']);
  expect([status, String(stderr)]).toEqual([0, '']);
});

describe.each(SOURCES.map((source) => [source.name, source] as const))('%s', (name, source) => {
  it('says how to get what a better result needs, and where its names come from', () => {
    for (const need of NEEDS) expect(source.recipe[need]).toMatch(/^\S.{8,}[^.]$/);
    expect(source.references.length > 0).toBe(name !== 'generic');
    for (const url of source.references) expect(new URL(url).protocol).toBe('https:');
    if (source.motionConvention !== 'unknown')
      expect(namedMotion(source.motionConvention)).toBe(source.motionConvention);
  });

  it('names no layer twice', () => {
    for (const layers of [...Object.values(source.roles), source.lights.map(({ layer }) => layer)])
      expect(new Set(layers).size).toBe(layers.length);
  });
});
