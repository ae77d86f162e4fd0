import { describe, expect, it } from 'vitest';
import { fastestSimd, type Simd } from '../../src/engine/wasm-build.js';
import { type Raster, raster } from '../../src/image/raster.js';
import { autoExposure, ComponentFeatures } from '../../src/kpcn/features.js';
import type { Level } from '../../src/kpcn/frame-pyramid.js';

function filled(width: number, height: number, channels: number, value: number): Raster {
  return raster(width, height, channels, new Float32Array(width * height * channels).fill(value));
}

describe('autoExposure', () => {
  it('brings a grey picture to 0.18, at any size', () => {
    expect(autoExposure(filled(50, 33, 3, 4)) * 4).toBeCloseTo(0.18, 10);
  });

  it('is 1 for a black picture and ignores what is below 0', () => {
    expect(autoExposure(filled(20, 20, 3, 0))).toBe(1);
    expect(autoExposure(filled(20, 20, 3, -5))).toBe(1);
  });

  it('takes the geometric mean over blocks of 16 x 16, black ones left out', () => {
    const color = filled(48, 16, 3, 0);
    for (let i = 0; i < color.data.length; i++)
      color.data[i] = [1, 16, 0][Math.floor((i % 48) / 16)] as number;
    expect(autoExposure(color)).toBeCloseTo(0.18 / 4, 6);
  });

  it('weighs channels as luminance', () => {
    const color = filled(16, 16, 3, 0);
    color.data.fill(1, 256, 512);
    expect(autoExposure(color)).toBeCloseTo(0.18 / 0.7152, 6);
  });

  it('does not see the padding', () => {
    const color = filled(24, 24, 3, 1000);
    for (let c = 0; c < 3; c++) {
      for (let y = 0; y < 20; y++) color.data.fill(2, (c * 24 + y) * 24, (c * 24 + y) * 24 + 18);
    }
    expect(autoExposure(color, 18, 20)).toBeCloseTo(0.09, 10);
  });
});

const BUILDS: Simd[] = fastestSimd() === 'relaxed' ? ['plain', 'relaxed'] : ['plain'];

describe.each(BUILDS)('ComponentFeatures, %s SIMD', (simd) => {
  const level: Level = {
    width: 4,
    height: 2,
    radiance: filled(4, 2, 5, 3),
    colorVariance: filled(4, 2, 1, 4.5),
    albedo: filled(4, 2, 3, 0.5),
    normal: filled(4, 2, 3, -1),
    normalVariance: filled(4, 2, 1, 0.25),
    denoised: filled(4, 2, 5, 0),
    composited: filled(4, 2, 5, 0),
  };

  it('has 13 channels, with light exposed and in logarithms and variances relative', () => {
    const { data, shape } = new ComponentFeatures(simd).compute(
      level,
      { x: 1, y: 0, width: 2, height: 2 },
      2,
    );
    expect(shape).toEqual([1, 13, 2, 2]);
    const wanted = [...[1, 1, 1].map(() => Math.log(7)), 18 / 36, ...[1, 1, 1].map(() => Math.log(1.5)), 0];
    wanted.push(-1, -1, -1, 0.25);
    for (let c = 0; c < 12; c++) {
      for (let i = 0; i < 4; i++) expect(data[c * 4 + i]).toBeCloseTo(wanted[c] as number, 4);
    }
  });

  it('reads the pixels of the tile', () => {
    const radiance = raster(
      4,
      2,
      3,
      Float32Array.from({ length: 24 }, (_, i) => Math.exp(i) - 1),
    );
    const { data } = new ComponentFeatures(simd).compute(
      { ...level, radiance },
      { x: 2, y: 0, width: 2, height: 2 },
      1,
    );
    expect([...data.subarray(0, 8)].map(Math.round)).toEqual([2, 3, 6, 7, 10, 11, 14, 15]);
  });

  it('takes light below 0 as 0 and is exact for very little', () => {
    const radiance = filled(4, 2, 3, -1);
    radiance.data[0] = 1e-7;
    const { data } = new ComponentFeatures(simd).compute(
      { ...level, radiance },
      { x: 0, y: 0, width: 4, height: 2 },
      1,
    );
    expect(data[1]).toBe(0);
    expect((data[0] as number) / 1e-7).toBeCloseTo(1, 6);
  });

  it('has logarithms to six digits from the least to the largest light', () => {
    const radiance = raster(
      4,
      2,
      3,
      Float32Array.from({ length: 24 }, (_, i) => 10 ** (1.7 * i - 12)),
    );
    const tile = { x: 0, y: 0, width: 4, height: 2 };
    const { data } = new ComponentFeatures(simd).compute({ ...level, radiance }, tile, 1);
    for (let i = 0; i < 24; i++) {
      expect((data[i] as number) / Math.log1p(radiance.data[i] as number)).toBeCloseTo(1, 6);
    }
  });

  it('clamps relative variances to [0, 1] and takes those of black pixels for noise', () => {
    const variance = raster(4, 2, 1, Float32Array.of(5, -1, 0, 0.5, 1e30, 1e-6, 1, 2));
    const grey = raster(4, 2, 3, new Float32Array(24).fill(1));
    const tile = { x: 0, y: 0, width: 4, height: 2 };
    const levels = { ...level, radiance: grey, colorVariance: variance };
    const { data } = new ComponentFeatures(simd).compute(levels, tile, 1);
    const wanted = [1, 0, 0, 0.5, 1, 0, 1, 1];
    for (let i = 0; i < 8; i++) expect(data[24 + i]).toBeCloseTo(wanted[i] as number, 3);
  });
});
