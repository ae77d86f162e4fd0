import { describe, expect, it } from 'vitest';
import { fastestSimd, type Simd } from '../../src/engine/wasm-build.js';
import { type Raster, raster } from '../../src/image/raster.js';
import type { Tile } from '../../src/image/region.js';
import { type GuidedLevel, WindowFeatures } from '../../src/kpcn/temporal-features.js';

const BUILDS: Simd[] = fastestSimd() === 'relaxed' ? ['plain', 'relaxed'] : ['plain'];
const [WIDTH, HEIGHT, CHANNELS] = [23, 14, 3];

/** A value for every place that is linear in x and y, so that bilinear fetches are exact between cells. */
function ramp(width = WIDTH, height = HEIGHT): Raster {
  const features = raster(width, height, CHANNELS);
  for (let i = 0; i < features.data.length; i++) {
    const c = Math.floor(i / (width * height));
    features.data[i] = 100 * c + (i % width) + 0.25 * (Math.floor(i / width) % height);
  }
  return features;
}

function motionOf(
  of: (x: number, y: number) => readonly [number, number],
  width = WIDTH,
  height = HEIGHT,
): Raster {
  const motion = raster(width, height, 2);
  for (let i = 0; i < width * height; i++) {
    const [x, y] = of(i % width, Math.floor(i / width));
    motion.data[i] = x;
    motion.data[width * height + i] = y;
  }
  return motion;
}

function filled(channels: number, value: (c: number, x: number, y: number) => number): Raster {
  const image = raster(2 * WIDTH, 2 * HEIGHT, channels);
  const size = 4 * WIDTH * HEIGHT;
  for (let i = 0; i < image.data.length; i++) {
    const at = i % size;
    image.data[i] = value(Math.floor(i / size), at % (2 * WIDTH), Math.floor(at / (2 * WIDTH)));
  }
  return image;
}

/** Light and albedo of one value each. */
function levelOf(coarseEmbedding: Raster, light = 0, albedo = 0): GuidedLevel {
  return { coarseEmbedding, light: filled(3, () => light), albedo: filled(3, () => albedo) };
}

describe.each(BUILDS)('WindowFeatures, %s SIMD', (simd) => {
  const area: Tile = { x: 2, y: 1, width: 19, height: 11 };
  const size = area.width * area.height;
  const guides = CHANNELS + 6;

  it.each<[string, (x: number, y: number) => readonly [number, number]]>([
    ['stands still', () => [0, 0]],
    ['moves by whole cells, partly out of the frame', () => [5, -3]],
    ['moves in between', () => [-1.375, 2.25]],
    ['zooms', (x, y) => [0.3 * (x - 11), -0.2 * (y - 7)]],
    ['is different everywhere', (x, y) => [((x * 7 + y * 3) % 19) - x, ((x * 5 + y) % 11) - y + 0.5]],
    ['reaches the very border', (x, y) => [WIDTH - 1 - x, HEIGHT - 1 - y]],
    ['is not known in places', (x) => [x % 3 === 0 ? Number.NaN : 1, 0]],
  ])('tells the distance from what is seen where it %s', (_, of) => {
    const coarserMotion = motionOf(of);
    const center = raster(
      WIDTH,
      HEIGHT,
      CHANNELS,
      ramp().data.map((value) => -value),
    );
    const exposure = 0.5;
    const { data, shape } = new WindowFeatures(simd).differences(
      levelOf(center, 2, 0.25),
      [{ ...levelOf(ramp(), 6, 0.75), slot: 4, coarserMotion }],
      { area, exposure },
    );
    expect(shape).toEqual([1, 6 * guides + 6, area.height, area.width]);
    for (let i = 0; i < size; i++) {
      const [x, y] = [area.x + (i % area.width), area.y + Math.floor(i / area.width)];
      const [u, v] = of(x, y);
      const inside = x + u >= 0 && x + u <= WIDTH - 1 && y + v >= 0 && y + v <= HEIGHT - 1;
      const difference = (c: number): number => data[(4 * guides + c) * size + i] as number;
      for (let c = 0; c < CHANNELS; c++) {
        const wanted = inside ? Math.abs(200 * c + 2 * x + u + 0.25 * (2 * y + v)) : 0;
        expect(difference(c)).toBeCloseTo(wanted, 3);
        expect(difference(CHANNELS + c)).toBeCloseTo(inside ? 8 * Math.log(4 / 2) : 0, 4);
        expect(difference(CHANNELS + 3 + c)).toBeCloseTo(inside ? 8 * 0.5 : 0, 4);
        expect(data[c * size + i]).toBe(0);
      }
      expect(data[(6 * guides + 4) * size + i]).toBe(inside ? 1 : 0);
      expect(data[6 * guides * size + i]).toBe(0);
    }
  });

  it('compares means of 2 x 2 pixels, of logarithms for light, which is never below 0', () => {
    const flat = raster(WIDTH, HEIGHT, CHANNELS);
    const pixels = [0.5, 3, -9, 20];
    const uneven = {
      coarseEmbedding: flat,
      light: filled(3, (_, x, y) => pixels[2 * (y % 2) + (x % 2)] as number),
      albedo: filled(3, (c, x) => (x % 2) * 0.1 * c),
    };
    const { data } = new WindowFeatures(simd).differences(
      levelOf(flat),
      [{ ...uneven, slot: 0, coarserMotion: motionOf(() => [0, 0]) }],
      { area, exposure: 2 },
    );
    const light = 2 * (Math.log1p(1) + Math.log1p(6) + Math.log1p(40));
    for (let i = 0; i < size; i++) {
      for (let c = 0; c < 3; c++) {
        expect(data[(CHANNELS + c) * size + i]).toBeCloseTo(light, 4);
        expect(data[(CHANNELS + 3 + c) * size + i]).toBeCloseTo(0.4 * c, 5);
      }
    }
  });

  it('scales guides by the constant of the model', () => {
    const constants = { albedoEpsilon: 1, maxAlbedoRatio: 1, guideScale: 3 };
    const center = levelOf(raster(WIDTH, HEIGHT, CHANNELS));
    const frame = {
      ...levelOf(center.coarseEmbedding, 1, 0.5),
      slot: 0,
      coarserMotion: motionOf(() => [0, 0]),
    };
    const { data } = new WindowFeatures(simd, constants).differences(center, [frame], { area, exposure: 3 });
    expect(data[CHANNELS * size]).toBeCloseTo(3 * Math.log(4), 5);
    expect(data[(CHANNELS + 3) * size]).toBeCloseTo(3 * 0.5, 5);
  });

  it('does without an albedo', () => {
    const { albedo, ...level } = levelOf(ramp());
    expect(albedo).toBeDefined();
    const frame = { ...level, slot: 5, coarserMotion: motionOf(() => [0, 0]) };
    const { data } = new WindowFeatures(simd).differences(level, [frame], { area, exposure: 1 });
    expect(data.subarray(0, 6 * guides * size).every((value) => value === 0)).toBe(true);
    expect(data.subarray(-size).every((value) => value === 1)).toBe(true);
  });

  it.each([
    [1, 1],
    [1, 5],
    [6, 1],
  ])('compares frames of %i x %i cells', (width, height) => {
    const level = {
      coarseEmbedding: ramp(width, height),
      light: raster(2 * width, 2 * height, 3),
    };
    const center = { ...level, coarseEmbedding: raster(width, height, CHANNELS) };
    const coarserMotion = motionOf(() => [0, 0], width, height);
    const whole = { x: 0, y: 0, width, height };
    const { data } = new WindowFeatures(simd).differences(center, [{ ...level, slot: 0, coarserMotion }], {
      ...{ area: whole, exposure: 1 },
    });
    expect(data.slice(0, CHANNELS * width * height)).toEqual(level.coarseEmbedding.data);
  });
});
