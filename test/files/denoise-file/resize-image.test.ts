import { describe, expect, it } from 'vitest';
import { resizeBox, resizeImage } from '../../../src/files/denoise-file/resize-image.js';
import type { Image, Plane } from '../../../src/image/image.js';

function imageOf(width: number, height: number, ...planes: Plane[]): Image {
  const dataWindow = { xMin: 10, yMin: -4, xMax: 9 + width, yMax: height - 5 };
  const displayWindow = { xMin: 0, yMin: 0, xMax: 99, yMax: 49 };
  const byName = new Map(planes.map((plane) => [plane.name, plane]));
  const part = { name: 'p', view: undefined, attributes: new Map(), dataWindow, displayWindow };
  return { parts: [{ ...part, planes: byName }] };
}

function float(name: string, data: readonly number[]): Plane {
  return { name, type: 'float', data: Float32Array.from(data) };
}

function samples(image: Image, name: string): number[] {
  return [...(image.parts[0]?.planes.get(name)?.data ?? [])];
}

describe('resizeImage', () => {
  it('scales data window and display window', () => {
    const [part] = resizeImage(imageOf(5, 3, float('Z', new Array(15).fill(1))), 1.5).parts;
    expect(part?.dataWindow).toEqual({ xMin: 15, yMin: -6, xMax: 22, yMax: -2 });
    expect(part?.displayWindow).toEqual({ xMin: 0, yMin: 0, xMax: 149, yMax: 74 });
    expect(resizeBox({ xMin: 3, yMin: 3, xMax: 3, yMax: 3 }, 1.2)).toEqual({
      ...{ xMin: 4, yMin: 4, xMax: 4, yMax: 4 },
    });
  });

  it('keeps constants, and straight lines but for their ends', () => {
    const ramp = float('ramp', [0, 1, 2, 3, 4, 5, 6, 7]);
    const image = resizeImage(imageOf(8, 1, float('one', new Array(8).fill(0.25)), ramp), 2);
    expect(samples(image, 'one')).toEqual(new Array(32).fill(0.25));
    const wanted = Array.from({ length: 16 }, (_, x) => Math.min(Math.max((x + 0.5) / 2 - 0.5, 0), 7));
    expect(samples(image, 'ramp').slice(0, 16)).toEqual(wanted);
  });

  it('takes the nearest sample of whole numbers and of names, and changes none of them', () => {
    const uint: Plane = { name: 'count', type: 'uint', data: Uint32Array.from([7, 4_000_000_000]) };
    const names = ['crypto_object00.R', 'IndexOB.X', 'id'];
    const image = imageOf(2, 1, uint, ...names.map((name) => float(name, [1, 900])));
    const large = resizeImage(image, 3);
    expect(samples(large, 'count').slice(0, 6)).toEqual([7, 7, 7, ...new Array(3).fill(4_000_000_000)]);
    expect(large.parts[0]?.planes.get('count')?.data).toBeInstanceOf(Uint32Array);
    for (const name of names) {
      expect(samples(large, name).slice(0, 6)).toEqual([1, 1, 1, 900, 900, 900]);
    }
  });

  it('does not make NaN of infinite depths', () => {
    const image = resizeImage(imageOf(2, 1, float('Z', [Infinity, Infinity])), 2.5);
    expect(samples(image, 'Z').every((value) => value === Infinity)).toBe(true);
  });
});
