import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { readExr } from '../../../src/exr/read-exr.js';
import { buildFrame } from '../../../src/frame/build-frame.js';
import type { Frame } from '../../../src/frame/frame.js';
import { resolveLayers } from '../../../src/frame/layers/resolve-layers.js';
import { likelierConvention } from '../../../src/frame/motion/motion-convention.js';
import { estimateMotion, motionGuide } from '../../../src/frame/motion/motion-guide.js';
import { plane, type Raster, raster } from '../../../src/image/raster.js';

function example(frame: number): Frame {
  const path = new URL(`../../../examples/window/frame.000${frame}.exr`, import.meta.url);
  const image = readExr(readFileSync(path));
  const parts = image.parts.map((part) => ({ ...part, channels: [...part.planes.values()] }));
  return buildFrame({ image, plan: resolveLayers(parts) }).frame;
}

const [before, now, after] = [example(3), example(4), example(5)];
const guides = { center: motionGuide(now), previous: motionGuide(before), next: motionGuide(after) };
const motion = { motionToPrevious: now.motionToPrevious as Raster, motionToNext: now.motionToNext as Raster };

function scaled(offsets: Raster, x: number, y: number): Raster {
  const result = raster(offsets.width, offsets.height, 2);
  for (const [c, factor] of [x, y].entries()) {
    plane(result, c).set(plane(offsets, c).map((value) => factor * value));
  }
  return result;
}

function told(x: number, y: number): readonly string[] {
  return (
    likelierConvention(guides, {
      motionToPrevious: scaled(motion.motionToPrevious, x, y),
      motionToNext: scaled(motion.motionToNext, x, y),
    })?.names ?? []
  );
}

describe('likelierConvention on a render', () => {
  it('has nothing to say about right vectors, nor about none', () => {
    expect(likelierConvention(guides, motion)).toBeUndefined();
    expect(told(0, 0)).toEqual([]);
    expect(likelierConvention(guides, {})).toBeUndefined();
  });

  it.each([
    [-1, -1, 'the opposite sign'],
    [1, -1, 'y in the other direction'],
    [-1, 1, 'x in the other direction'],
    [1 / 480, 1 / 270, "units of the picture's size"],
    [1 / 480, -1 / 270, "units of the picture's size and y up"],
    [2 / 480, 2 / 270, "units of half the picture's size"],
    [2 / 480, -2 / 270, "units of half the picture's size and y up"],
  ])('names vectors times (%f, %f)', (x, y, name) => {
    expect(told(x, y)[0]).toBe(name);
  });

  it('names swapped halves, which look like the opposite sign where things move evenly', () => {
    const swapped = { motionToPrevious: motion.motionToNext, motionToNext: motion.motionToPrevious };
    expect(likelierConvention(guides, swapped)?.names).toContain('previous and next swapped');
  });
});

describe('estimateMotion on a render', () => {
  /** The distance to the renderer's vectors that a share of the pixels stays below. */
  function errorOf(flow: Raster, share: number): number {
    const truth = motion.motionToNext;
    const pixels = truth.width * truth.height;
    const errors = Float64Array.from({ length: pixels }, (_, i) =>
      Math.hypot(
        (flow.data[i] as number) - (truth.data[i] as number),
        (flow.data[pixels + i] as number) - (truth.data[pixels + i] as number),
      ),
    ).sort();
    return errors[Math.floor(share * pixels)] as number;
  }
  const still = raster(now.width, now.height, 2);

  it('comes close to the vectors of the renderer', () => {
    const flow = estimateMotion(now, after);
    expect(errorOf(still, 0.75)).toBeGreaterThan(1.5);
    expect(errorOf(flow, 0.75)).toBeLessThan(0.5);
    expect(errorOf(flow, 0.5)).toBeLessThan(0.25);
  });

  it('comes closer than nothing from colour of 4 samples a pixel alone', () => {
    const flow = estimateMotion({ color: now.color }, { color: after.color });
    expect(motionGuide({ color: now.color }).channels).toBe(1);
    expect(errorOf(flow, 0.75)).toBeLessThan(0.75 * errorOf(still, 0.75));
  });
});
