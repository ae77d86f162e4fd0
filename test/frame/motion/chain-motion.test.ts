import { describe, expect, it } from 'vitest';
import { chainMotion, motionFromLayer, unknownOffsets } from '../../../src/frame/motion/motion.js';
import { type Raster, raster } from '../../../src/image/raster.js';

const WIDTH = 24;
const HEIGHT = 16;

/** A place in the picture at a time, by where it is at time 0. */
type Path = (x: number, y: number, time: number) => readonly [number, number];

function offsets(offset: (x: number, y: number) => readonly [number, number]): Raster {
  const result = raster(WIDTH, HEIGHT, 2);
  for (let y = 0, i = 0; y < HEIGHT; y++) {
    for (let x = 0; x < WIDTH; x++, i++) {
      [result.data[i], result.data[WIDTH * HEIGHT + i]] = offset(x, y);
    }
  }
  return result;
}

/** Zooms about a point and drifts: linear in x and y at any time, so that bilinear samples are exact. */
const zoom: Path = (x, y, time) => [
  (x - 11) * 1.05 ** time + 11 + 0.75 * time,
  (y - 7) * 0.97 ** time + 7 - 0.5 * time,
];
/** Where the content of a pixel of frame `from` is in frame `to`. */
function motionOf(from: number, to: number): Raster {
  return offsets((x, y) => {
    const originX = (x - 11 - 0.75 * from) / 1.05 ** from + 11;
    const originY = (y - 7 + 0.5 * from) / 0.97 ** from + 7;
    const [toX, toY] = zoom(originX, originY, to);
    return [toX - x, toY - y];
  });
}

function expectEqualInside(found: Raster, truth: Raster, steps: readonly Raster[]): void {
  let checked = 0;
  for (let i = 0; i < WIDTH * HEIGHT; i++) {
    const [x, y] = [i % WIDTH, Math.floor(i / WIDTH)];
    // Until the last step the path has to stay between pixel centres: outside the border repeats.
    const stays = steps.every((step) => {
      const [atX, atY] = [x + (step.data[i] as number), y + (step.data[WIDTH * HEIGHT + i] as number)];
      return atX >= 0 && atX <= WIDTH - 1 && atY >= 0 && atY <= HEIGHT - 1;
    });
    if (!stays) continue;
    checked++;
    for (const at of [i, WIDTH * HEIGHT + i]) {
      expect(found.data[at]).toBeCloseTo(truth.data[at] as number, 4);
    }
  }
  expect(checked).toBeGreaterThan((WIDTH * HEIGHT) / 2);
}

describe('chainMotion', () => {
  it.each([1, -1])('is exact over three frames in direction %i', (way) => {
    const two = chainMotion(motionOf(0, way), motionOf(way, 2 * way));
    expectEqualInside(two, motionOf(0, 2 * way), [motionOf(0, way)]);
    const three = chainMotion(two, motionOf(2 * way, 3 * way));
    expectEqualInside(three, motionOf(0, 3 * way), [motionOf(0, way), motionOf(0, 2 * way)]);
  });

  it('adds what stands at the place that is reached, not at the pixel', () => {
    const step = offsets((x) => (x < 10 ? [0, 0] : [5, 2]));
    const total = offsets(() => [4, -1]);
    const chained = chainMotion(total, step);
    expect([...chained.data.subarray(5 * WIDTH, 5 * WIDTH + 12)]).toEqual([
      4, 4, 4, 4, 4, 4, 9, 9, 9, 9, 9, 9,
    ]);
  });

  it('repeats the border outside of the picture', () => {
    const step = offsets((x, y) => [x === WIDTH - 1 ? 3 : 0, y === 0 ? -2 : 0]);
    const chained = chainMotion(
      offsets(() => [100, -100]),
      step,
    );
    expect(chained.data[40]).toBe(103);
    expect(chained.data[WIDTH * HEIGHT + 40]).toBe(-102);
  });

  it('knows nothing where either is not known, and no further', () => {
    const total = offsets((x, y) => (x === 3 && y === 3 ? [Number.NaN, Number.NaN] : [1, 0]));
    const step = offsets((x, y) => (x === 8 && y === 5 ? [Number.NaN, Number.NaN] : [1, 1]));
    const chained = chainMotion(total, step);
    expect(unknownOffsets(chained)).toBe(2);
    expect(chained.data[3 * WIDTH + 3]).toBeNaN();
    expect(chained.data[5 * WIDTH + 7]).toBeNaN();
  });
});

describe('vectors that cannot be', () => {
  it('are not known, both of a pair', () => {
    const layer = raster(4, 1, 4);
    layer.data.set([1, Number.NaN, Number.POSITIVE_INFINITY, 1e10]);
    const motion = motionFromLayer(layer, 'cycles');
    const pixels = motion?.toPrevious?.data ?? new Float32Array();
    expect([...pixels.subarray(0, 4)]).toEqual([1, Number.NaN, Number.NaN, Number.NaN]);
    expect([...pixels.subarray(5)]).toEqual([Number.NaN, Number.NaN, Number.NaN]);
    const both = [motion?.toPrevious, motion?.toNext].map((way) => way && unknownOffsets(way));
    expect(both).toEqual([3, 0]);
  });
});
