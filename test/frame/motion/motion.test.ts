import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { readExr } from '../../../src/exr/read-exr.js';
import { buildFrame } from '../../../src/frame/build-frame.js';
import type { Frame } from '../../../src/frame/frame.js';
import { resolveLayers } from '../../../src/frame/layers/resolve-layers.js';
import { motionFromLayer, namedMotion } from '../../../src/frame/motion/motion.js';
import { type Raster, raster } from '../../../src/image/raster.js';
import { warp } from '../../../src/image/warp.js';

function example(frame: number): Frame {
  const path = new URL(`../../../examples/window/frame.000${frame}.exr`, import.meta.url);
  const image = readExr(readFileSync(path));
  return buildFrame({
    image,
    plan: resolveLayers(image.parts.map((part) => ({ ...part, channels: [...part.planes.values()] }))),
  }).frame;
}

/** Mean difference where the other frame shows the place. */
function difference(a: Raster, { warped, inside }: { warped: Raster; inside: Uint8Array }): number {
  let sum = 0;
  let count = 0;
  for (let i = 0; i < a.data.length; i++) {
    if (inside[i % inside.length] === 0) continue;
    sum += Math.abs((a.data[i] as number) - (warped.data[i] as number));
    count++;
  }
  return sum / count;
}

it('turns the vectors of Cycles into offsets with y down', () => {
  const motion = motionFromLayer(raster(1, 1, 4, Float32Array.of(1, 2, 3, 4)), 'cycles');
  expect([...(motion?.toPrevious?.data ?? [])]).toEqual([1, -2]);
  expect([...(motion?.toNext?.data ?? [])]).toEqual([-3, 4]);
  expect(motionFromLayer(raster(1, 1, 4), 'unknown')).toBeUndefined();
});

it.each([
  ['to-previous', [1, 2], undefined],
  ['from-previous', [-1, -2], undefined],
  ['from-previous,y-up', [-1, 2], undefined],
  ['to-next', undefined, [1, 2]],
  ['from-next,relative', undefined, [-2, -2]],
  ['to-both', [1, 2], [3, 4]],
  ['to-both,y-up,relative', [2, -2], [6, -4]],
  ['none', undefined, undefined],
] as const)('reads vectors as %s', (text, toPrevious, toNext) => {
  const layer = raster(2, 1, 4, Float32Array.of(1, 0, 2, 0, 3, 0, 4, 0));
  const motion = motionFromLayer(layer, namedMotion(text));
  const first = (way: Raster | undefined) => way && [way.data[0], way.data[2]];
  expect([first(motion?.toPrevious), first(motion?.toNext)]).toEqual([toPrevious, toNext]);
});

it('reads the directions that a layer has channels for', () => {
  const motion = motionFromLayer(raster(1, 1, 2, Float32Array.of(1, 2)), 'to-both');
  expect([...(motion?.toPrevious?.data ?? [])]).toEqual([1, 2]);
  expect(motion).not.toHaveProperty('toNext');
});

it.each([
  'y-up',
  'cycles,y-up',
  'to-previous,relative,y-up',
  'to-previous,',
  'to-both,y-up,y-up',
  'unknown',
  '',
])('refuses the convention "%s"', (text) => {
  expect(() => namedMotion(text)).toThrow(
    /^Expected auto, none, cycles, or one of to-previous, .* for motion but/,
  );
});

it('finds the surfaces of a rendered frame in the frames around it, and only with these signs', () => {
  const [before, now, after] = [example(3), example(4), example(5)];
  for (const [other, offsets] of [
    [before, now.motionToPrevious],
    [after, now.motionToNext],
  ] as const) {
    const error = (signX: number, signY: number): number => {
      const motion = { ...(offsets as Raster), data: Float32Array.from((offsets as Raster).data) };
      const pixels = motion.width * motion.height;
      for (let i = 0; i < pixels; i++) {
        motion.data[i] = signX * (motion.data[i] as number);
        motion.data[pixels + i] = signY * (motion.data[pixels + i] as number);
      }
      return difference(now.albedo as Raster, warp(other.albedo as Raster, motion));
    };
    const right = error(1, 1);
    for (const [x, y] of [
      [-1, 1],
      [0, 0],
      [-1, -1],
    ] as const)
      expect(error(x, y)).toBeGreaterThan(1.2 * right);
    expect(error(1, -1)).toBeGreaterThan(right);
  }
});
