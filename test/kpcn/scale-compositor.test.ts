import { describe, expect, it } from 'vitest';
import { downsample } from '../../src/image/pyramid.js';
import { type Raster, raster } from '../../src/image/raster.js';
import { composite, exposedColor, limitBlendWeight } from '../../src/kpcn/scale-compositor.js';

const whole = { x: 0, y: 0, width: 8, height: 6 };

function picture(width: number, height: number, channels: number): Raster {
  const data = Float32Array.from({ length: width * height * channels }, (_, i) => 2 + Math.sin(i * i));
  return raster(width, height, channels, data);
}

function composited(fine: Raster, coarse: Raster, weight: number, tile = whole): Raster {
  const target = raster(8, 6, fine.channels);
  composite(fine, coarse, { area: whole, data: new Float32Array(48).fill(weight) }, target, tile);
  return target;
}

describe('composite', () => {
  const fine = picture(8, 6, 4);
  const coarse = picture(4, 3, 4);

  it('gives the fine level at a weight of 0', () => {
    expect(composited(fine, coarse, 0).data).toEqual(fine.data);
  });

  it('gives the fine level the low frequencies of the coarse one at a weight of 1', () => {
    const low = raster(4, 3, 4);
    downsample(composited(fine, coarse, 1), low, 0, 3);
    for (const [i, value] of low.data.entries()) expect(value).toBeCloseTo(coarse.data[i] as number, 5);
  });

  it('changes nothing where the coarse level is the mean of the fine one', () => {
    const mean = raster(4, 3, 4);
    downsample(fine, mean, 0, 3);
    for (const [i, value] of composited(fine, mean, 0.6).data.entries()) {
      expect(value).toBeCloseTo(fine.data[i] as number, 6);
    }
  });

  it('takes the weight of each pixel from the area, and writes the tile alone', () => {
    const tile = { x: 2, y: 2, width: 4, height: 2 };
    const area = { x: 2, y: 0, width: 6, height: 6 };
    const weights = Float32Array.from({ length: 36 }, (_, i) => i / 36);
    const target = raster(8, 6, 1);
    composite(picture(8, 6, 1), picture(4, 3, 1), { area, data: weights }, target, tile);
    for (let y = 0; y < 6; y++) {
      for (let x = 0; x < 8; x++) {
        const inside = x >= 2 && x < 6 && y >= 2 && y < 4;
        const w = weights[y * 6 + x - 2] as number;
        const all = composited(picture(8, 6, 1), picture(4, 3, 1), w).data[y * 8 + x] as number;
        expect(target.data[y * 8 + x]).toBeCloseTo(inside ? all : 0, 5);
      }
    }
  });
});

describe('limitBlendWeight', () => {
  // One pixel of each cell is dark in one channel; the last plane is the sum of the first two.
  const fine = picture(8, 6, 4);
  const coarse = picture(4, 3, 4);
  for (let i = 0; i < 48; i += 2) fine.data[48 + i] = (1 + (i % 3)) * 0.01;
  for (const { width, height, data } of [fine, coarse]) {
    const size = width * height;
    for (let i = 0; i < size; i++) data[3 * size + i] = (data[i] as number) + (data[size + i] as number);
  }
  const limited = (weight: number): Raster => {
    const data = new Float32Array(48).fill(weight);
    limitBlendWeight(fine, coarse, { area: whole, data });
    const target = raster(8, 6, 4);
    composite(fine, coarse, { area: whole, data }, target, whole);
    return target;
  };

  it('keeps the colour from getting negative, and sums of planes', () => {
    expect(Math.min(...composited(fine, coarse, 1).data)).toBeLessThan(-0.1);
    const { data } = limited(1);
    expect(Math.min(...data)).toBeGreaterThanOrEqual(0);
    for (let i = 0; i < 48; i++) {
      expect(data[144 + i]).toBeCloseTo((data[i] as number) + (data[48 + i] as number), 5);
    }
  });

  it('changes nothing where the colour stays positive, and what is negative already', () => {
    expect(limited(1e-4).data).toEqual(composited(fine, coarse, 1e-4).data);
    const negative = { ...fine, data: fine.data.map((value) => -1 - value) };
    const data = new Float32Array(48).fill(1);
    limitBlendWeight(negative, coarse, { area: whole, data });
    expect(data.every((weight) => weight === 1)).toBe(true);
  });
});

describe('exposedColor', () => {
  it('is the colour of the tile times the exposure', () => {
    const image = picture(4, 4, 5);
    const data = new Float32Array(18);
    exposedColor(image, { x: 1, y: 2, width: 3, height: 2 }, 3, { data, shape: [1, 3, 2, 3] });
    expect(data[0]).toBeCloseTo(3 * (image.data[9] as number), 5);
    expect(data[17]).toBeCloseTo(3 * (image.data[32 + 15] as number), 5);
  });
});
