import { describe, expect, it } from 'vitest';
import { raster } from '../../src/image/raster.js';
import { displayExposure, luminance, toDisplay, toneMap } from '../../src/image/tonemap.js';

const flat = (...rgb: [number, number, number]) =>
  raster(2, 2, 3, Float32Array.from(rgb.flatMap((value) => [value, value, value, value])));

it('luminance of white is 1 and of green is 0.7152', () => {
  expect(luminance(flat(1, 1, 1)).data[0]).toBeCloseTo(1, 6);
  expect(luminance(flat(0, 1, 0)).data[0]).toBeCloseTo(0.7152, 6);
});

it('displayExposure brings a flat picture to 0.18, whatever its level, and leaves black alone', () => {
  for (const level of [1e-4, 1, 5000]) {
    expect(level * displayExposure(flat(level, level, level))).toBeCloseTo(0.18, 5);
  }
  expect(displayExposure(flat(0, 0, 0))).toBe(1);
});

describe('toDisplay', () => {
  it('encodes with the sRGB curve', () => {
    expect(toDisplay(0.5, 'srgb')).toBeCloseTo(0.735357, 5);
    expect(toDisplay(0.001, 'srgb')).toBeCloseTo(0.01292, 5);
  });

  it.each(['srgb', 'filmic'] as const)('%s ascends within [0, 1] and takes any number', (curve) => {
    const shown = [-1, 0, 0.01, 0.1, 0.5, 0.9].map((value) => toDisplay(value, curve));
    expect(shown.every((value, i) => i === 0 || value >= (shown[i - 1] as number))).toBe(true);
    for (const value of [Number.NaN, Number.NEGATIVE_INFINITY]) expect(toDisplay(value, curve)).toBe(0);
    for (const value of [1e30, Number.POSITIVE_INFINITY]) expect(toDisplay(value, curve)).toBeCloseTo(1, 6);
  });

  it('filmic keeps detail in highlights that sRGB clips', () => {
    expect(toDisplay(2, 'filmic')).toBeLessThan(toDisplay(4, 'filmic'));
    expect(toDisplay(2, 'srgb')).toBe(toDisplay(4, 'srgb'));
  });
});

it('toneMap interleaves opaque bytes', () => {
  expect([...toneMap(flat(0, 1, 0), 1, 'srgb')].slice(0, 8)).toEqual([0, 255, 0, 255, 0, 255, 0, 255]);
});
