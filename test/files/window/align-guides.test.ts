import { expect, it } from 'vitest';
import { alignGuides } from '../../../src/files/window/align-guides.js';
import type { LoadedFrame } from '../../../src/files/window/load-frame.js';
import type { Frame } from '../../../src/frame/frame.js';
import { raster } from '../../../src/image/raster.js';

const bare: Frame = {
  ...{ width: 2, height: 1, source: 'generic', varianceOrigin: 'layer' },
  color: raster(2, 1, 3),
  colorVariance: raster(2, 1, 1),
};
const full: Frame = {
  ...bare,
  albedo: raster(2, 1, 3, new Float32Array(6).fill(0.5)),
  albedoVariance: raster(2, 1, 1),
  normal: raster(2, 1, 3, new Float32Array(6).fill(0.5)),
};
const loaded = (frame: Frame): LoadedFrame => ({
  name: 'frame',
  built: {
    frame,
    lights: new Map(),
    warnings: [],
    sanitized: {},
    bright: { lights: new Map() },
  },
  key: 'key',
});

it('gives a frame of a window the guides of the centre, and another key', () => {
  const dropped = alignGuides(bare, loaded(full));
  expect(Object.keys(dropped.built.frame).sort()).toEqual(Object.keys(bare).sort());
  const filled = alignGuides(full, loaded(bare));
  expect(filled.built.frame.albedo?.data).toEqual(new Float32Array(6));
  expect(Object.keys(filled.built.frame).sort()).toEqual(Object.keys(full).sort());
  expect(new Set(['key', dropped.key, filled.key]).size).toBe(3);
});

it('leaves a frame alone that has the same guides', () => {
  for (const frame of [bare, full]) {
    const same = alignGuides(frame, loaded(frame));
    expect([same.built.frame, same.key]).toEqual([frame, 'key']);
  }
});
