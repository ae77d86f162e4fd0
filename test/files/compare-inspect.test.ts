import { afterAll, expect, it } from 'vitest';
import { ExrPool } from '../../src/exr/pool.js';
import { compareExr } from '../../src/files/compare-exr.js';
import { inspectExr } from '../../src/files/inspect-exr.js';
import { blenderParts, exrFile } from '../support/exr-files.js';

const pool = new ExrPool({ workers: 1 });
afterAll(() => pool.close());

it('compares the beauty that others read, whatever else is in the files', async () => {
  const passes = blenderParts('V', ['Combined.RGBA', 'Noisy Image.RGBA']);
  const picture = exrFile(passes, (channel) => (channel.includes('Combined') ? 1 : 50));
  const reference = exrFile([{ layers: ['RGB'] }], () => 3);
  const comparison = await compareExr(picture, reference, pool);
  expect(comparison).toMatchObject({ width: 8, height: 6 });
  expect(comparison.smape).toBeCloseTo(2 / 4.01, 6);
  expect(comparison.relativeMse).toBeCloseTo(4 / 9.01, 6);
  expect((await compareExr(reference, reference, pool)).dssim).toBeCloseTo(0, 9);
});

it('refuses to compare pictures of different sizes', async () => {
  const window = { xMin: 0, yMin: 0, xMax: 3, yMax: 3 };
  const small = exrFile([{ layers: ['RGB'], window }], () => 1);
  const large = exrFile([{ layers: ['RGB'] }], () => 1);
  await expect(compareExr(small, large, pool)).rejects.toMatchObject({ code: 'mismatched-frames' });
});

it('inspects: layers, their roles, lint', async () => {
  const parts = blenderParts('V', ['Combined.RGBA', 'Denoising Normal.XYZ', 'Vector.XYZW', 'Mist.Z']);
  const inspection = await inspectExr(
    exrFile(parts, (channel, i) => (channel.includes('Normal') ? (channel.endsWith('Z') ? 1 : 0.5) : i)),
    pool,
  );
  expect(inspection.source).toBe('cycles');
  const used = inspection.parts.flatMap((part) => part.channels.map(({ name, usedAs }) => [name, ...usedAs]));
  expect(used).toContainEqual(['V.Combined.R', 'color', 'result']);
  expect(used).toContainEqual(['V.Combined.A', 'alpha']);
  expect(used).toContainEqual(['V.Vector.W', 'motion']);
  expect(used).toContainEqual(['V.Mist.Z']);
  expect(inspection.warnings.map(({ code }) => code)).toEqual(['missing-albedo', 'encoded-normals']);
});
