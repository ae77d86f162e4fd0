import { PNG } from 'pngjs';
import { expect, it } from 'vitest';
import { sideBySide } from '../../src/demo/side-by-side.js';
import { raster } from '../../src/image/raster.js';

const flat = (value: number) => raster(120, 3, 3, new Float32Array(1080).fill(value));
const sheet = PNG.sync.read(
  Buffer.from(sideBySide({ noisy: flat(0), denoised: flat(5), reference: flat(5) })),
);
const red = (x: number, y: number): number | undefined => sheet.data[4 * (y * sheet.width + x)];

it('shows pictures next to each other, with the exposure of the last', () => {
  expect([sheet.width, sheet.height]).toEqual([120 * 3 + 2 * 6, 3 + 14 + 12]);
  expect(red(2, 1)).toBe(0);
  expect(red(130, 1)).toBe(red(260, 1));
  expect(red(130, 1)).toBeGreaterThan(50);
});

it('writes a name below each picture, within its width', () => {
  const rows = Array.from({ length: sheet.height - 3 }, (_, y) => y + 3);
  const isWritten = (x: number): boolean => rows.some((y) => red(x, y) === 0);
  for (const [picture, name] of ['noisy', 'denoised', 'reference'].entries()) {
    const columns = Array.from({ length: 126 }, (_, x) => x).filter((x) => isWritten(126 * picture + x));
    // Letters are 12 pixels apart and 10 wide.
    expect(columns[0]).toBe(6);
    expect(columns.at(-1)).toBe(6 + 12 * name.length - 3);
  }
});
