import { describe, expect, it } from 'vitest';
import type { NetworkConstants } from '../../src/engine/model-manifest.js';
import { fastestSimd, type Simd } from '../../src/engine/wasm-build.js';
import { type Raster, raster } from '../../src/image/raster.js';
import type { Tile } from '../../src/image/region.js';
import type { EstimatedLevel, JoinedFrame } from '../../src/kpcn/fusion-task.js';
import { TemporalFusion } from '../../src/kpcn/temporal-fusion.js';
import { largestRelativeError } from '../support/closeness.js';
import { randomNumbers } from '../support/random.js';

const BUILDS: Simd[] = fastestSimd() === 'relaxed' ? ['plain', 'relaxed'] : ['plain'];
const SLOTS = 6;
const EXPOSURE = 0.5;

/** A window, what its kernels are predicted to be before activations, and how large they are. */
interface Problem {
  readonly kernelSize: number;
  readonly center: EstimatedLevel;
  readonly own: Raster;
  readonly gate: Raster;
  readonly frames: readonly JoinedFrame[];
  /** [slots][4] planes of the picture's size: weight, sharpness, bandwidths of light and albedo. */
  readonly predicted: Float32Array;
}

interface Shape {
  readonly width: number;
  readonly height: number;
  readonly kernelSize: number;
  readonly slots?: readonly number[];
  readonly lights?: number;
  readonly motion?: (x: number, y: number, slot: number) => readonly [number, number];
}

function randomProblem({ width, height, kernelSize, lights = 3, ...rest }: Shape): Problem {
  const { slots = [1, 4], motion = () => [0, 0] } = rest;
  const random = randomNumbers(width * height + kernelSize + lights);
  const size = width * height;
  const image = (channels: number, value: () => number): Raster =>
    raster(
      width,
      height,
      channels,
      Float32Array.from({ length: size * channels }, () => value()),
    );
  const light = (): Raster => image(lights, () => Math.exp(3 * random() - 2));
  const albedo = (): Raster => image(3, random);
  return {
    kernelSize,
    center: { light: light(), albedo: albedo() },
    own: light(),
    gate: image(1, random),
    frames: slots.map((slot) => {
      const moved = raster(width, height, 2);
      for (let i = 0; i < size; i++) {
        const [x, y] = motion(i % width, Math.floor(i / width), slot);
        moved.data[i] = x;
        moved.data[size + i] = y;
      }
      return { slot, motion: moved, light: light(), albedo: albedo() };
    }),
    predicted: Float32Array.from({ length: SLOTS * 4 * size }, () => 8 * random() - 5),
  };
}

const wholePicture = ({ width, height }: Raster): Tile => ({ x: 0, y: 0, width, height });

function apply(
  problem: Problem,
  simd: Simd,
  {
    colors = [],
    constants,
    area = wholePicture(problem.own),
    tile = area,
    target = raster(problem.own.width, problem.own.height, problem.own.channels),
  }: {
    colors?: readonly number[];
    constants?: NetworkConstants;
    area?: Tile;
    tile?: Tile;
    target?: Raster;
  } = {},
): Raster {
  const { center, own, gate, frames, kernelSize, predicted } = problem;
  const join = new TemporalFusion({ kernelSize, slots: SLOTS }, simd, constants);
  const tensor = join.reserve(area, own.channels);
  const [, channels, rows, columns] = tensor.shape;
  const size = own.width * own.height;
  for (let c = 0; c < channels; c++) {
    const [plane, v, u] = [Math.floor(c / 4), (c >> 1) % 2, c % 2];
    for (let i = 0; i < rows * columns; i++) {
      const x = Math.min(area.x + 2 * (i % columns) + u, own.width - 1);
      const y = Math.min(area.y + 2 * Math.floor(i / columns) + v, own.height - 1);
      tensor.data[c * rows * columns + i] = predicted[plane * size + y * own.width + x] as number;
    }
  }
  const kernels = { area, tensor };
  const task = { center, own, gate, colors, exposure: EXPOSURE, kernels };
  join.apply(task, frames, tile, target);
  return target;
}

function clampTo(value: number, end: number): number {
  return Math.min(Math.max(value, 0), end - 1);
}

/** The definition, in double precision, of light or of albedo; without a gate. */
function reference(problem: Problem, of: 'light' | 'albedo' = 'light', guideScale = 8): Float64Array {
  const { center, own, frames, kernelSize, predicted } = problem;
  const { width, height } = own;
  const channels = of === 'light' ? own.channels : 3;
  const size = width * height;
  const radius = kernelSize >> 1;
  const at = (image: Raster | undefined, c: number, p: number): number =>
    (image?.data[c * size + p] as number | undefined) ?? 0;
  const softplus = (x: number): number => Math.log1p(Math.exp(x));
  const result = new Float64Array(size * channels);
  for (let p = 0; p < size; p++) {
    const sums = Array.from({ length: channels }, (_, c) => at(of === 'light' ? own : center.albedo, c, p));
    let norm = 1;
    for (const frame of frames) {
      const kernel = (c: number): number => predicted[(4 * frame.slot + c) * size + p] as number;
      const [mx, my] = [at(frame.motion, 0, p), at(frame.motion, 1, p)];
      const [wx, wy] = [Math.floor(mx + 0.5), Math.floor(my + 0.5)];
      const [x, y] = [(p % width) + wx, Math.floor(p / width) + wy];
      if (!(x >= 0 && x < width && y >= 0 && y < height)) continue;
      for (let dy = -radius; dy <= radius; dy++) {
        for (let dx = -radius; dx <= radius; dx++) {
          const q = clampTo(y + dy, height) * width + clampTo(x + dx, width);
          let z = Math.min(kernel(0), 4);
          z -= softplus(kernel(1)) * ((dx - (mx - wx)) ** 2 + (dy - (my - wy)) ** 2);
          for (let c = 0; c < 3; c++) {
            const light = (image: Raster, i: number): number =>
              Math.log1p(EXPOSURE * Math.max(at(image, c, i), 0));
            z -=
              softplus(kernel(2)) * guideScale ** 2 * (light(frame.light, q) - light(center.light, p)) ** 2;
            z -=
              softplus(kernel(3)) * guideScale ** 2 * (at(frame.albedo, c, q) - at(center.albedo, c, p)) ** 2;
          }
          const weight = Math.exp(z);
          norm += weight;
          for (let c = 0; c < channels; c++) sums[c] = (sums[c] as number) + weight * at(frame[of], c, q);
        }
      }
    }
    for (let c = 0; c < channels; c++) result[c * size + p] = (sums[c] as number) / norm;
  }
  return result;
}

describe.each(BUILDS)('TemporalFusion, %s SIMD', (simd) => {
  const shape = { width: 35, height: 19, kernelSize: 3, slots: [0, 2, 3, 5] };
  const random = randomNumbers(5);

  it.each<[string, NonNullable<Shape['motion']>]>([
    ['stands still', () => [0, 0]],
    ['moves by whole pixels, partly out of the frame', (_, __, slot) => [9 - 4 * slot, slot - 2]],
    ['moves by halves, which round up', (x, y) => [x % 2 === 0 ? 1.5 : -1.5, y % 2 === 0 ? 0.5 : -0.5]],
    ['zooms', (x, y) => [0.2 * (x - 17), 0.15 * (y - 9)]],
    ['is different everywhere', () => [20 * random(), 12 * random()]],
    ['is not known in places', (x) => [x % 3 === 0 ? Number.NaN : 1, 2]],
    ['is beyond all numbers', (x) => [x % 5 === 0 ? 1e30 : 3, x % 7 === 0 ? Number.NEGATIVE_INFINITY : 1]],
  ])('agrees with the definition where what is seen %s', (_, motion) => {
    const problem = randomProblem({ ...shape, motion });
    expect(largestRelativeError(apply(problem, simd).data, reference(problem))).toBeLessThan(5e-5);
  });

  it('has the constants of the model', () => {
    const problem = randomProblem({ ...shape, motion: () => [0.4, -0.3] });
    const constants = { albedoEpsilon: 0.2, maxAlbedoRatio: 1.5, guideScale: 2 };
    const plain = reference(problem, 'light', 2);
    expect(largestRelativeError(Float32Array.from(reference(problem)), plain)).toBeGreaterThan(0.1);
    expect(largestRelativeError(apply(problem, simd, { constants }).data, plain)).toBeLessThan(5e-5);
    const albedo = reference(problem, 'albedo', 2);
    const size = problem.own.width * problem.own.height;
    const wanted = plain.map((value, i) => {
      const own = problem.center.albedo?.data[i] as number;
      const ratio = Math.min(Math.max((own + 0.2) / ((albedo[i] as number) + 0.2), 1 / 1.5), 1.5);
      return value * (1 + (problem.gate.data[i % size] as number) * (ratio - 1));
    });
    expect(largestRelativeError(apply(problem, simd, { constants, colors: [0] }).data, wanted)).toBeLessThan(
      5e-5,
    );
  });

  it('agrees with the definition where places are further apart than the memory is wide', () => {
    const motion = (x: number, y: number): [number, number] => [((x * 97 + y * 31) % 300) - x, (x % 6) - y];
    const problem = randomProblem({ width: 300, height: 6, kernelSize: 3, motion });
    expect(largestRelativeError(apply(problem, simd).data, reference(problem))).toBeLessThan(5e-5);
  });

  it('agrees with the definition for larger kernels, further planes, and without an albedo', () => {
    const motion = (x: number): [number, number] => [x / 9, -x / 5];
    const problem = randomProblem({ width: 20, height: 70, kernelSize: 5, lights: 8, motion });
    expect(largestRelativeError(apply(problem, simd).data, reference(problem))).toBeLessThan(5e-5);
    const { center, frames, ...rest } = problem;
    const colorOnly = {
      ...rest,
      center: { light: center.light },
      frames: frames.map(({ slot, motion, light }) => ({ slot, motion, light })),
    };
    expect(largestRelativeError(apply(colorOnly, simd).data, reference(colorOnly))).toBeLessThan(5e-5);
  });

  it('has weights that sum to 1 over all frames: constant in, constant out', () => {
    const problem = randomProblem({ ...shape, motion: (x, y) => [x / 7, -y / 5] });
    for (const { data } of [problem.own, ...problem.frames.map(({ light }) => light)]) data.fill(0.7);
    for (const value of apply(problem, simd).data) expect(value).toBeCloseTo(0.7, 5);
  });

  it('is the frame itself where no other is near, or where they are given no weight', () => {
    const outside = randomProblem({ ...shape, motion: (_, __, slot) => [slot > 2 ? 35 : Number.NaN, 0] });
    expect(apply(outside, simd).data).toEqual(outside.own.data);
    const ignored = randomProblem(shape);
    ignored.predicted.fill(-1000);
    expect(apply(ignored, simd).data).toEqual(ignored.own.data);
  });

  it('fetches another frame between its pixels, bilinearly as sharp kernels do', () => {
    const problem = randomProblem({ ...shape, slots: [2], motion: () => [3, -2] });
    // All weight to the frame, none to its surroundings, whatever the guides.
    for (const [c, value] of [4, 1000, -1000, -1000].entries()) {
      problem.predicted.fill(value, (8 + c) * 35 * 19, (9 + c) * 35 * 19);
    }
    const { data } = apply(problem, simd);
    for (let i = 0; i < 35 * 19; i++) {
      const [x, y] = [(i % 35) + 3, Math.floor(i / 35) - 2];
      const own = problem.own.data[i] as number;
      const other = problem.frames[0]?.light.data[y * 35 + x] as number;
      const wanted = x < 35 && y >= 0 ? (own + Math.exp(4) * other) / (1 + Math.exp(4)) : own;
      expect((data[i] as number) / wanted).toBeCloseTo(1, 4);
    }
  });

  it('gives the texture of the albedo back to the colours, as far as the gate says', () => {
    const problem = randomProblem({ ...shape, lights: 6, motion: (x, y) => [x / 7, -y / 5] });
    const size = 35 * 19;
    const plain = reference(problem);
    const albedo = reference(problem, 'albedo');
    const wanted = plain.map((value, i) => {
      if (i < 3 * size) return value;
      const own = problem.center.albedo?.data[i - 3 * size] as number;
      const ratio = (own + 0.01) / ((albedo[i - 3 * size] as number) + 0.01);
      const gate = problem.gate.data[i % size] as number;
      return value * (1 + gate * (Math.min(Math.max(ratio, 1 / 8), 8) - 1));
    });
    expect(largestRelativeError(apply(problem, simd, { colors: [3] }).data, wanted)).toBeLessThan(5e-5);
    const closed = { ...problem, gate: raster(35, 19, 1) };
    expect(largestRelativeError(apply(closed, simd, { colors: [0, 3] }).data, plain)).toBeLessThan(5e-5);
  });

  it('makes the same of a tile as of the whole, in place too', () => {
    const problem = randomProblem({
      width: 130,
      height: 50,
      kernelSize: 3,
      motion: (x, y) => [x / 9, y / 7],
    });
    const whole = apply(problem, simd, { colors: [0] });
    const area = { x: 6, y: 4, width: 120, height: 46 };
    const tile = { x: 10, y: 8, width: 111, height: 40 };
    const { own } = problem;
    const target = apply(problem, simd, { colors: [0], area, tile, target: own });
    for (let i = 0; i < target.data.length; i++) {
      const [x, y] = [i % 130, Math.floor(i / 130) % 50];
      const inside = x >= 10 && x < 121 && y >= 8 && y < 48;
      if (inside) expect(target.data[i]).toBe(whole.data[i]);
    }
  });
});
