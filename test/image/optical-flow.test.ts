import { describe, expect, it } from 'vitest';
import { opticalFlow } from '../../src/image/optical-flow.js';
import { type Raster, raster } from '../../src/image/raster.js';

const WIDTH = 160;
const HEIGHT = 112;

/** A texture of all scales that is known between pixels, too. */
function texture(x: number, y: number, c: number): number {
  return (
    Math.sin(0.05 * x + 0.03 * y + c) +
    0.7 * Math.sin(0.13 * x - 0.17 * y + 2 * c) +
    0.4 * Math.sin(0.51 * x + 0.37 * y) * Math.cos(0.43 * y - 0.29 * x + c)
  );
}

function picture(place: (x: number, y: number) => readonly [number, number]): Raster {
  const result = raster(WIDTH, HEIGHT, 2);
  for (let i = 0; i < result.data.length; i++) {
    const pixel = i % (WIDTH * HEIGHT);
    const [x, y] = place(pixel % WIDTH, Math.floor(pixel / WIDTH));
    result.data[i] = texture(x, y, i === pixel ? 0 : 1);
  }
  return result;
}

/** Mean distance to the true flow where its target is inside. */
function meanError(flow: Raster, truth: (x: number, y: number) => readonly [number, number]): number {
  let [sum, count] = [0, 0];
  for (let i = 0; i < WIDTH * HEIGHT; i++) {
    const [x, y] = [i % WIDTH, Math.floor(i / WIDTH)];
    const [u, v] = truth(x, y);
    if (x + u < 0 || x + u > WIDTH - 1 || y + v < 0 || y + v > HEIGHT - 1) continue;
    sum += Math.hypot((flow.data[i] as number) - u, (flow.data[WIDTH * HEIGHT + i] as number) - v);
    count++;
  }
  return sum / count;
}

const still = picture((x, y) => [x, y]);

describe('opticalFlow', () => {
  it('is zero between equal pictures', () => {
    expect(opticalFlow(still, still).data.every((offset) => offset === 0)).toBe(true);
  });

  it.each([
    [0.5, -0.25],
    [3.25, 1.5],
    [-11, 7.5],
  ])('finds a shift by (%f, %f)', (u, v) => {
    const moved = picture((x, y) => [x - u, y - v]);
    expect(meanError(opticalFlow(still, moved), () => [u, v])).toBeLessThan(0.15);
  });

  it('finds a turn about the middle', () => {
    const [cos, sin] = [Math.cos(0.06), Math.sin(0.06)];
    const turned =
      (angle: number) =>
      (x: number, y: number): [number, number] => {
        const [dx, dy] = [x - WIDTH / 2, y - HEIGHT / 2];
        return [WIDTH / 2 + cos * dx - angle * sin * dy, HEIGHT / 2 + angle * sin * dx + cos * dy];
      };
    const flow = opticalFlow(still, picture(turned(-1)));
    expect(
      meanError(flow, (x, y) => {
        const [toX, toY] = turned(1)(x, y);
        return [toX - x, toY - y];
      }),
    ).toBeLessThan(0.2);
  });

  it('stays finite without texture and in pictures smaller than a patch', () => {
    for (const [width, height] of [
      [40, 30],
      [1, 1],
      [3, 50],
    ] as const) {
      const flow = opticalFlow(raster(width, height, 1), raster(width, height, 1));
      expect([flow.width, flow.height, flow.channels]).toEqual([width, height, 2]);
      expect(flow.data.every((offset) => offset === 0)).toBe(true);
    }
  });

  it('refuses other sizes', () => {
    expect(() => opticalFlow(still, raster(WIDTH, HEIGHT, 1))).toThrow(`${WIDTH} x ${HEIGHT} x 2`);
  });
});
