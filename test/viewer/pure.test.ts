import { describe, expect, it } from 'vitest';
import { readExr } from '../../src/exr/read-exr.js';
import { toDisplay } from '../../src/image/tonemap.js';
import { colorTable, falseColor, usualRange } from '../../viewer/false-color.js';
import { noiseShareOf } from '../../viewer/lambda-preview.js';
import { interleave, layersOf } from '../../viewer/layers.js';
import { timeLeft } from '../../viewer/page.js';
import { lambdaMap, paintLine } from '../../viewer/paint.js';
import { isSamePicture } from '../../viewer/pixels.js';
import { rateText } from '../../viewer/playback.js';
import { arrangeFiles, windowOf } from '../../viewer/shot.js';
import { lambdaOf } from '../../viewer/state.js';
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
    const { frames, references, ignored } = arrangeFiles(
      files('s2_10.exr', 's2_9.EXR', 'readme.txt', 'reference.9.exr'),
    );
    expect(names(frames)).toEqual(['s2_9.EXR', 's2_10.exr']);
    expect([...references].map(([frame, { name }]) => [frame, name])).toEqual([[0, 'reference.9.exr']]);
    expect(ignored).toEqual(['readme.txt']);
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
      ['Color', 'R,G,B', 'light'],
      ['A', 'A', 'value'],
      ['N', 'N.X,N.Y,N.Z', 'direction'],
      ['depth.Z', 'depth.Z', 'value'],
    ]);
  });

  it('have motion vectors as one layer, and alpha with light', () => {
    const window = { xMin: 0, yMin: 0, xMax: 1, yMax: 1 };
    const channels = ['R', 'G', 'B', 'A', 'V.X', 'V.Y', 'V.Z', 'V.W'].map((name) => ({ name }));
    const part = { name: '', view: undefined, dataWindow: window, attributes: new Map(), channels };
    const motion = { part: 0, channels: ['V.X', 'V.Y', 'V.Z', 'V.W'] };
    expect(layersOf([part], motion)).toEqual([
      { label: 'Color', part: 0, channels: ['R', 'G', 'B'], kind: 'light', alpha: 'A' },
      { label: 'A', part: 0, channels: ['A'], kind: 'value' },
      { label: 'V', ...motion, kind: 'motion' },
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

describe('keeping noise', () => {
  const picture = (width: number, height: number, value: (i: number) => number) => ({
    ...{ width, height },
    data: Float32Array.from({ length: 4 * width * height }, (_, i) => value(i)),
  });

  it('is a share on a logarithmic scale', () => {
    expect([0, 50, 100].map(lambdaOf)).toEqual([1, 3.16, 10]);
  });

  it('measures the share of the noisy picture in a region', () => {
    const [noisy, denoised] = [picture(6, 4, (i) => 1 + (i % 7)), picture(6, 4, () => 2)];
    const region = picture(2, 2, () => 0);
    for (let i = 0; i < region.data.length; i++) {
      const [x, y] = [3 + (Math.floor(i / 4) % 2), 1 + Math.floor(i / 8)];
      region.data[i] = 0.75 * 2 + 0.25 * (noisy.data[4 * (y * 6 + x) + (i % 4)] as number);
    }
    expect(noiseShareOf({ ...region, x: 3, y: 1 }, noisy, denoised)).toBeCloseTo(0.25, 5);
    expect(noiseShareOf({ ...region, x: 3, y: 1 }, denoised, denoised)).toBe(0);
  });

  it('paints lines of a width, cut at the border', () => {
    const map = picture(8, 6, () => 0);
    expect(paintLine(map, { x: -3, y: 2.5 }, { x: 4.5, y: 2.5 }, 1, 3, 0.2)).toEqual({ top: 1, bottom: 4 });
    const painted = Array.from({ length: 48 }, (_, i) => map.data[4 * i]);
    expect(painted.slice(16, 24)).toEqual([3, 3, 3, 3, 3, 3, 0, 0]);
    expect(painted.slice(0, 8)).toEqual(Array(8).fill(0));
    expect(map.data[4 * 16 + 1]).toBeCloseTo(0.2);
    expect(paintLine(map, { x: 20, y: 20 }, { x: 21, y: 20 }, 1, 3, 0.2)).toBeUndefined();
  });

  it('becomes a file with the channel lambda', async () => {
    const map = picture(3, 2, (i) => (i === 4 ? 5 : 0));
    const file = readExr(new Uint8Array(await lambdaMap(map, 2).arrayBuffer()));
    expect([...(file.parts[0]?.planes.get('lambda')?.data ?? [])]).toEqual([2, 5, 2, 2, 2, 2]);
  });
});

it('says the time left only when it is known', () => {
  expect([timeLeft(0.05, 10), timeLeft(0.5, 0.5), timeLeft(1, 9)]).toEqual(['', '', '']);
  expect([timeLeft(0.25, 3), timeLeft(0.2, 60)]).toEqual([', about 9 s left', ', about 4 min left']);
});

it('says when playback does not keep its rate', () => {
  expect([rateText(23.9, 24), rateText(8.04, 24)]).toEqual(['in time', 'only 8.0 fps']);
});

it('knows pictures that are the same', () => {
  const data = Float32Array.of(1, Number.NaN, 3, 1);
  const other = Float32Array.of(1, Number.NaN, 3, 0.5);
  const pixels = (values: Float32Array<ArrayBuffer>) => ({ width: 1, height: 1, data: values });
  expect(isSamePicture(pixels(data), pixels(other))).toBe(true);
  expect(isSamePicture(pixels(data), pixels(Float32Array.of(1, 2, 3, 1)))).toBe(false);
});
