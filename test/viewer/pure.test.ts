import { describe, expect, it } from 'vitest';
import { toDisplay } from '../../src/image/tonemap.js';
import { colorTable, falseColor, usualRange } from '../../viewer/false-color.js';
import { interleave, layersOf } from '../../viewer/layers.js';
import { arrangeFiles, windowOf } from '../../viewer/shot.js';
import {
  fitted,
  MAX_SCALE,
  moveSplit,
  pan,
  pixelAt,
  visibleRegion,
  zoom,
} from '../../viewer/view-transform.js';

const picture = { width: 480, height: 270 };
const screen = { width: 940, height: 700 };

describe('the view', () => {
  it('fits the whole picture in the middle', () => {
    const view = fitted(picture, screen, 8);
    expect(view.scale).toBeCloseTo(940 / 480);
    expect(view.x).toBeCloseTo(0);
    expect(view.y).toBeCloseTo((700 - (270 * 940) / 480) / 2);
    expect(fitted(picture, screen).scale).toBe(1);
    expect(visibleRegion(view, picture, screen)).toEqual({ x: 0, y: 0, ...picture });
  });

  it('keeps the pixel under the pointer when it magnifies, and goes back', () => {
    const view = fitted(picture, screen);
    const anchor = { x: 333, y: 444 };
    const before = pixelAt(view, anchor, picture);
    const near = zoom(view, 16, anchor);
    expect(near.scale).toBe(16);
    expect(pixelAt(near, anchor, picture)).toEqual(before);
    const back = zoom(near, 1 / 16, anchor);
    expect(back.x).toBeCloseTo(view.x);
    expect(back.y).toBeCloseTo(view.y);
    expect(zoom(view, 1e9, anchor).scale).toBe(MAX_SCALE);
  });

  it('never loses the picture', () => {
    const view = fitted(picture, screen);
    for (const [dx, dy] of [
      [1e6, 1e6],
      [-1e6, -1e6],
    ] as const) {
      const region = visibleRegion(pan(view, dx, dy, picture, screen), picture, screen);
      expect(region).toMatchObject({ width: 32, height: 32 });
    }
  });

  it('tells pixels and regions beside the picture apart', () => {
    const view = { scale: 2, x: 10, y: 20 };
    expect(pixelAt(view, { x: 10, y: 20 }, picture)).toEqual({ x: 0, y: 0 });
    expect(pixelAt(view, { x: 9.9, y: 20 }, picture)).toBeUndefined();
    expect(pixelAt(view, { x: 10 + 960, y: 20 }, picture)).toBeUndefined();
    expect(visibleRegion({ scale: 4, x: -41, y: -3 }, picture, { width: 40, height: 20 })).toEqual({
      ...{ x: 10, y: 0 },
      ...{ width: 11, height: 6 },
    });
    expect(visibleRegion({ scale: 1, x: 2000, y: 0 }, picture, screen)).toBeUndefined();
  });

  it('moves the split within the screen', () => {
    expect([moveSplit(0.5, -0.02), moveSplit(0.01, -0.02), moveSplit(0.99, 1)]).toEqual([0.48, 0, 1]);
  });
});

describe('false colour', () => {
  it('goes from dark to bright, ever brighter', () => {
    const brightness = Array.from({ length: 101 }, (_, i) => {
      const [r, g, b] = falseColor(i / 100);
      return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    });
    brightness.slice(1).forEach((value, i) => {
      expect(value).toBeGreaterThan(brightness[i] as number);
    });
    expect(falseColor(-3)).toEqual(falseColor(0));
    expect(falseColor(Number.NaN)).toEqual(falseColor(0));
    expect(falseColor(7)).toEqual(falseColor(1));
    expect([...colorTable().slice(1020)]).toEqual([...falseColor(1), 255]);
  });

  it('takes the usual values for its range, whatever else there is', () => {
    const values = Float32Array.from({ length: 10_000 }, (_, i) => i / 100);
    values[5] = Number.POSITIVE_INFINITY;
    values[6] = Number.NaN;
    values[7] = 1e9;
    const { low, high } = usualRange(values);
    expect(low).toBeCloseTo(1, 0);
    expect(high).toBeCloseTo(99, 0);
    expect(usualRange(new Float32Array(8).fill(3))).toEqual({ low: 3, high: 4 });
    expect(usualRange([])).toEqual({ low: 0, high: 1 });
  });
});

describe('a shot', () => {
  const files = (...names: string[]): { name: string }[] => names.map((name) => ({ name }));
  const names = (list: readonly { name: string }[]): string[] => list.map(({ name }) => name);

  it('is in the order of its numbers', () => {
    const { frames, ignored } = arrangeFiles(files('s2_10.exr', 's2_9.EXR', 'readme.txt', 'reference.9.exr'));
    expect(names(frames)).toEqual(['s2_9.EXR', 's2_10.exr']);
    expect(ignored).toEqual(['readme.txt', 'reference.9.exr']);
  });

  it('has half buffers of the frame with their number', () => {
    const shot = arrangeFiles(
      files('half_b.0004.exr', 'frame.0003.exr', 'half_a.0004.exr', 'frame.0004.exr'),
    );
    expect(names(shot.frames)).toEqual(['frame.0003.exr', 'frame.0004.exr']);
    expect(shot.halves?.frame).toBe(1);
    expect(names(shot.halves?.files ?? [])).toEqual(['half_a.0004.exr', 'half_b.0004.exr']);
    expect(names(arrangeFiles(files('half_a.exr', 'half_b.exr')).frames)).toEqual(['half_a.exr']);
    expect(arrangeFiles(files('a1.exr', 'a2.exr', 'half_a.7.exr', 'half_b.7.exr')).halves).toBeUndefined();
  });

  it('is doubtful where numbers do not tell frames apart', () => {
    expect(arrangeFiles(files('a.0001.exr', 'a.0002.exr')).isDoubtful).toBe(false);
    expect(arrangeFiles(files('albedo.0001.exr', 'beauty.0001.exr')).isDoubtful).toBe(true);
    expect(arrangeFiles(files('albedo.exr', 'beauty.exr', 'half_a.exr', 'half_b.exr')).isDoubtful).toBe(true);
    expect(arrangeFiles(files('half_a.exr', 'half_b.exr')).isDoubtful).toBe(false);
  });

  it('has windows that end at its ends', () => {
    expect(windowOf(0, 10, 7)).toEqual({ first: 0, end: 4, center: 0 });
    expect(windowOf(5, 10, 7)).toEqual({ first: 2, end: 9, center: 3 });
    expect(windowOf(9, 10, 3)).toEqual({ first: 8, end: 10, center: 1 });
    expect(windowOf(2, 3, 1)).toEqual({ first: 2, end: 3, center: 0 });
  });
});

describe('layers', () => {
  it('are triples of light and directions, and single channels', () => {
    const window = { xMin: 0, yMin: 0, xMax: 1, yMax: 1 };
    const channels = ['A', 'B', 'G', 'R', 'N.X', 'N.Y', 'N.Z', 'depth.Z'].map((name) => ({ name }));
    const part = { name: '', view: undefined, dataWindow: window, attributes: new Map(), channels };
    expect(layersOf([part]).map(({ label, channels: names, kind }) => [label, names.join(), kind])).toEqual([
      ['Colour', 'R,G,B', 'light'],
      ['A', 'A', 'value'],
      ['N', 'N.X,N.Y,N.Z', 'direction'],
      ['depth.Z', 'depth.Z', 'value'],
    ]);
  });

  it('become pixels', () => {
    expect([
      ...interleave(
        [
          [1, 2],
          [3, 4],
          [5, 6],
        ],
        2,
      ),
    ]).toEqual([1, 3, 5, 1, 2, 4, 6, 1]);
    expect([...interleave([[7, 8]], 2)]).toEqual([7, 7, 7, 1, 8, 8, 8, 1]);
  });
});

it('shows light as the service does in PNG', () => {
  expect([toDisplay(0, 'srgb'), toDisplay(Number.NaN)]).toEqual([0, 0]);
  expect(toDisplay(1, 'srgb')).toBeCloseTo(1);
  expect(toDisplay(0.18, 'srgb')).toBeCloseTo(0.4614, 3);
});
