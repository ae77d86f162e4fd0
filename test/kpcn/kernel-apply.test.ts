import { describe, expect, it } from 'vitest';
import type { Tensor } from '../../src/engine/engine.js';
import type { NetworkConstants } from '../../src/engine/model-manifest.js';
import { fastestSimd, type Simd } from '../../src/engine/wasm-build.js';
import { type Raster, raster } from '../../src/image/raster.js';
import type { Tile } from '../../src/image/region.js';
import { type FilteredLevel, KernelApply, type KernelFeatures } from '../../src/kpcn/kernel-apply.js';
import type { KernelLogits } from '../../src/kpcn/kernel-logits.js';
import { largestRelativeError } from '../support/closeness.js';
import { randomNumbers } from '../support/random.js';

const BUILDS: Simd[] = fastestSimd() === 'relaxed' ? ['plain', 'relaxed'] : ['plain'];

interface Problem {
  readonly logits: KernelLogits;
  /** Of the whole picture: context, bandwidth, embedding. */
  readonly features: Float32Array;
  readonly source: Raster;
}

interface Shape {
  readonly width: number;
  readonly height: number;
  readonly kernelSize: number;
  readonly channels?: number;
  readonly contextChannels?: number;
  readonly embeddingChannels?: number;
  readonly bandwidth?: number;
  readonly embeddingScale?: number;
  readonly logitScale?: number;
}

function randomProblem(shape: Shape): Problem {
  const { width, height, kernelSize, channels = 3, contextChannels = 8, embeddingChannels = 8 } = shape;
  const numbers = randomNumbers(width * 1000 + height * 10 + kernelSize);
  const random = (): number => 2 * numbers() - 1;
  const fill = (length: number, value: () => number): Float32Array => Float32Array.from({ length }, value);
  const size = width * height;
  const features = fill((contextChannels + 1 + embeddingChannels) * size, random);
  for (let i = contextChannels * size; i < features.length; i++) {
    const isBandwidth = i < (contextChannels + 1) * size;
    features[i] = isBandwidth
      ? (shape.bandwidth ?? Math.abs(features[i] as number))
      : (shape.embeddingScale ?? 1) * (features[i] as number);
  }
  const data = fill(kernelSize ** 2 * (contextChannels + 1), () => (shape.logitScale ?? 1) * random());
  return {
    logits: { kernelSize, contextChannels, embeddingChannels, data },
    features,
    source: raster(
      width,
      height,
      channels,
      fill(size * channels, () => Math.exp(3 * random())),
    ),
  };
}

interface Tap {
  readonly z: number;
  readonly q: number;
  readonly from: Float32Array;
}

const clampTo = (value: number, limit: number): number => Math.min(Math.max(value, 0), limit - 1);

/** The taps of a pixel in its own frame with their logits. */
function centerTaps({ logits, features, source }: Problem, p: number): Tap[] {
  const { kernelSize, contextChannels: C, embeddingChannels: E, data } = logits;
  const { width, height } = source;
  const size = width * height;
  const feature = (channel: number, pixel: number): number => features[channel * size + pixel] as number;
  const taps: Tap[] = [];
  for (let tap = 0; tap < kernelSize ** 2; tap++) {
    const dy = Math.floor(tap / kernelSize) - (kernelSize >> 1);
    const dx = (tap % kernelSize) - (kernelSize >> 1);
    const q = clampTo(Math.floor(p / width) + dy, height) * width + clampTo((p % width) + dx, width);
    let z = data[tap * (C + 1) + C] as number;
    for (let c = 0; c < C; c++) z += (data[tap * (C + 1) + c] as number) * Math.max(feature(c, p), 0);
    let distance = 0;
    for (let e = 0; e < E; e++) distance += (feature(C + 1 + e, p) - feature(C + 1 + e, q)) ** 2;
    taps.push({ q, z: z - feature(C, p) * distance, from: source.data });
  }
  return taps;
}

/** What the taps of a pixel make of it, by their softmax, in double precision. */
function filtered(taps: readonly Tap[], plane: number): number {
  const largest = Math.max(...taps.map(({ z }) => z));
  const weights = taps.map(({ z }) => Math.exp(z - largest));
  const sum = weights.reduce((a, b) => a + b);
  return taps.reduce(
    (total, { q, from }, i) => total + ((weights[i] as number) / sum) * (from[plane + q] as number),
    0,
  );
}

/** The definition, in double precision. */
function reference(problem: Problem): Float64Array {
  const { width, height, channels } = problem.source;
  const size = width * height;
  const result = new Float64Array(size * channels);
  for (let p = 0; p < size; p++) {
    const taps = centerTaps(problem, p);
    for (let c = 0; c < channels; c++) result[c * size + p] = filtered(taps, c * size);
  }
  return result;
}

function wholePicture({ width, height }: Raster): Tile {
  return { x: 0, y: 0, width, height };
}

/** The bandwidth before its softplus. */
function inverseSoftplus(bandwidth: number): number {
  if (bandwidth === 0) return -200;
  return bandwidth > 20 ? bandwidth : Math.log(Math.expm1(bandwidth));
}

/** Writes planes of a picture as the network predicts them for an area: four channels of half the size for each plane. */
function writeCells(
  tensor: Tensor | undefined,
  area: Tile,
  width: number,
  planes: readonly Float32Array[],
): void {
  if (tensor === undefined) throw new Error('No tensor was reserved');
  const { data, shape } = tensor;
  data.fill(Number.NaN);
  for (const [c, values] of planes.entries()) {
    for (let y = 0; y < area.height; y++) {
      for (let x = 0; x < area.width; x++) {
        const channel = 4 * c + 2 * (y % 2) + (x % 2);
        data[(channel * shape[2] + (y >> 1)) * shape[3] + (x >> 1)] = values[
          (area.y + y) * width + area.x + x
        ] as number;
      }
    }
  }
}

function planesOf(data: Float32Array, size: number): Float32Array[] {
  return Array.from({ length: data.length / size }, (_, c) => data.subarray(c * size, (c + 1) * size));
}

/** The gate, before its sigmoid, is what `gate` says; it plays no part without an albedo. */
function reserve(
  kernels: KernelApply,
  { logits, features, source }: Problem,
  area: Tile,
  gate = 0,
): KernelFeatures {
  const reserved = kernels.reserve({ kernels: area, embedding: area }, source.channels);
  const size = source.width * source.height;
  const planes = planesOf(features, size);
  const C = logits.contextChannels;
  const bandwidth = (planes[C] as Float32Array).map(inverseSoftplus);
  const kernelPlanes = [...planes.slice(0, C), bandwidth, new Float32Array(size).fill(gate)];
  writeCells(reserved.kernels.tensor, area, source.width, kernelPlanes);
  writeCells(reserved.embedding?.tensor, area, source.width, planes.slice(C + 1));
  return reserved;
}

function levelOf({ width, height, data }: Raster): FilteredLevel {
  return { width, height, planes: planesOf(data, width * height) };
}

function apply(problem: Problem, simd: Simd): Raster {
  const { source } = problem;
  const target = raster(source.width, source.height, source.channels);
  const area = wholePicture(source);
  const kernels = new KernelApply(problem.logits, simd);
  kernels.apply(reserve(kernels, problem, area), levelOf(source), levelOf(target).planes, area);
  return target;
}

it('makes the same picture with either build', () => {
  const problem = randomProblem({ width: 121, height: 40, kernelSize: 21 });
  const [first, ...others] = BUILDS.map((simd) => apply(problem, simd).data);
  expect(others).toHaveLength(BUILDS.length - 1);
  for (const other of others) {
    expect(largestRelativeError(other, Float64Array.from(first as Float32Array))).toBeLessThan(1e-5);
  }
});

describe.each(BUILDS)('KernelApply, %s SIMD', (simd) => {
  it.each<Shape>([
    { width: 1, height: 1, kernelSize: 21 },
    { width: 9, height: 3, kernelSize: 21 },
    { width: 13, height: 21, kernelSize: 21 },
    { width: 121, height: 5, kernelSize: 21, channels: 7 },
    { width: 7, height: 70, kernelSize: 3 },
    { width: 30, height: 8, kernelSize: 13, contextChannels: 3, embeddingChannels: 4 },
    { width: 30, height: 8, kernelSize: 7, contextChannels: 16, embeddingChannels: 0 },
    { width: 10, height: 4, kernelSize: 5, channels: 1 },
    { width: 16, height: 16, kernelSize: 5, logitScale: 60 },
    { width: 24, height: 9, kernelSize: 21, bandwidth: 500, embeddingScale: 50 },
  ])('agrees with the definition: %o', (shape) => {
    const problem = randomProblem(shape);
    expect(largestRelativeError(apply(problem, simd).data, reference(problem))).toBeLessThan(1e-5);
  });

  it('agrees with the definition for embeddings that are far apart or far from 0', () => {
    const far = randomProblem({ width: 24, height: 9, kernelSize: 9, bandwidth: 500, embeddingScale: 50 });
    expect(largestRelativeError(apply(far, simd).data, reference(far))).toBeLessThan(1e-5);
    const offset = randomProblem({
      width: 24,
      height: 9,
      kernelSize: 9,
      bandwidth: 30,
      embeddingScale: 1 / 64,
    });
    const first = 9 * 24 * 9;
    // Steps of 2^-12 are exact in float32 here, so that only the arithmetic can be at fault.
    for (let i = first; i < offset.features.length; i++) {
      offset.features[i] = 1000 + Math.round((offset.features[i] as number) * 4096) / 4096;
    }
    expect(largestRelativeError(apply(offset, simd).data, reference(offset))).toBeLessThan(1e-5);
  });

  it('falls back on the pixel itself when all other taps are ruled out and the positional logits are against it', () => {
    const problem = randomProblem({
      width: 20,
      height: 6,
      kernelSize: 5,
      bandwidth: 1e6,
      embeddingScale: 100,
    });
    const { data, contextChannels, kernelSize } = problem.logits;
    data.fill(0);
    for (let tap = 0; tap < kernelSize ** 2; tap++)
      data[tap * 9 + contextChannels] = tap === 12 ? -1000 : 1000;
    const pixels = Float64Array.from(problem.source.data);
    expect(largestRelativeError(apply(problem, simd).data, pixels)).toBeLessThan(1e-6);
  });

  it('leaves out context channels where they are 0, in all or in some pixels of a block', () => {
    const problem = randomProblem({ width: 50, height: 6, kernelSize: 5 });
    for (let c = 0; c < 8; c++) {
      for (let i = 0; i < 300; i++) if ((i % 50) / 50 < c / 7) problem.features[c * 300 + i] = -1;
    }
    expect(largestRelativeError(apply(problem, simd).data, reference(problem))).toBeLessThan(1e-5);
  });

  it('has weights that sum to 1: constant in, constant out', () => {
    const problem = randomProblem({ width: 40, height: 30, kernelSize: 21 });
    problem.source.data.fill(0.7);
    for (const value of apply(problem, simd).data) expect(value).toBeCloseTo(0.7, 5);
  });

  it('moves the picture by a tap that has all the weight, and repeats the border', () => {
    const problem = randomProblem({ width: 15, height: 12, kernelSize: 7, bandwidth: 0 });
    const { data } = problem.logits;
    const [dx, dy] = [2, -3];
    data.fill(0);
    data[((dy + 3) * 7 + dx + 3) * 9 + 8] = 1000;
    const { source } = problem;
    const moved = Float32Array.from(source.data, (_, i) => {
      const x = Math.min((i % 15) + dx, 14);
      const y = Math.max((Math.floor(i / 15) % 12) + dy, 0);
      return source.data[Math.floor(i / 180) * 180 + y * 15 + x] as number;
    });
    expect(apply(problem, simd).data).toEqual(moved);
  });

  it('spreads an impulse by the weights: it keeps its sum away from the border', () => {
    const problem = randomProblem({ width: 31, height: 31, kernelSize: 9, bandwidth: 0 });
    // The same kernel everywhere.
    problem.features.fill(0.5, 0, 8 * 31 * 31);
    problem.source.data.fill(0);
    problem.source.data[15 * 31 + 15] = 100;
    const sum = apply(problem, simd).data.reduce((a, b) => a + b, 0);
    expect(sum).toBeCloseTo(100, 3);
  });

  it('stays within the least and the largest value of the window', () => {
    const problem = randomProblem({ width: 40, height: 20, kernelSize: 5 });
    const result = apply(problem, simd);
    const { source } = problem;
    for (let y = 0; y < 20; y++) {
      for (let x = 0; x < 40; x++) {
        const window: number[] = [];
        for (let v = Math.max(y - 2, 0); v <= Math.min(y + 2, 19); v++) {
          for (let u = Math.max(x - 2, 0); u <= Math.min(x + 2, 39); u++) {
            window.push(source.data[v * 40 + u] as number);
          }
        }
        const value = result.data[y * 40 + x] as number;
        expect(value).toBeGreaterThanOrEqual(Math.min(...window) * (1 - 1e-6));
        expect(value).toBeLessThanOrEqual(Math.max(...window) * (1 + 1e-6));
      }
    }
  });

  it('does not mix across an edge of the embedding', () => {
    const problem = randomProblem({ width: 32, height: 16, kernelSize: 21, bandwidth: 100 });
    const size = 32 * 16;
    for (let i = 0; i < size; i++) {
      const right = i % 32 >= 16;
      for (let e = 9; e < 17; e++) problem.features[e * size + i] = right ? 2 : -2;
      for (let c = 0; c < 3; c++) problem.source.data[c * size + i] = right ? 1000 : 1;
    }
    const result = apply(problem, simd);
    for (let i = 0; i < size; i++) expect(result.data[i]).toBeCloseTo(i % 32 >= 16 ? 1000 : 1, 2);
  });

  it.each([1, 2, 3, 5, 6, 7, 8, 9, 14])(
    'makes the same of a plane, bit for bit, alone and as one of %i',
    (channels) => {
      const problem = randomProblem({ width: 50, height: 6, kernelSize: 7, channels });
      const together = apply(problem, simd);
      for (let c = 0; c < channels; c++) {
        const data = problem.source.data.slice(c * 300, (c + 1) * 300);
        const alone = apply({ ...problem, source: raster(50, 6, 1, data) }, simd);
        expect(together.data.slice(c * 300, (c + 1) * 300)).toEqual(alone.data);
      }
    },
  );

  it('gives a tile the values that it has in the whole picture', () => {
    const problem = randomProblem({ width: 60, height: 50, kernelSize: 9 });
    const whole = apply(problem, simd);
    const area = { x: 12, y: 6, width: 40, height: 44 };
    const tile = { x: 16, y: 10, width: 32, height: 40 };
    const target = raster(60, 50, 3);
    const kernels = new KernelApply(problem.logits, simd);
    kernels.apply(reserve(kernels, problem, area), levelOf(problem.source), levelOf(target).planes, tile);
    for (let i = 0; i < target.data.length; i++) {
      const x = i % 60;
      const y = Math.floor(i / 60) % 50;
      const inside = x >= 16 && x < 48 && y >= 10;
      expect(target.data[i]).toBeCloseTo(inside ? (whole.data[i] as number) : 0, 4);
    }
  });
});

describe.each(BUILDS)('The albedo gate, %s SIMD', (simd) => {
  /** Colour, albedo and a further colour of a picture, filtered with a gate; the filtered albedo comes out, too. */
  function gated(gate: number, constants?: NetworkConstants): { problem: Problem; result: Raster } {
    const problem = randomProblem({ width: 26, height: 11, kernelSize: 7, channels: 9 });
    const { data } = problem.source;
    const size = 26 * 11;
    for (let i = 3 * size; i < 6 * size; i++) data[i] = Math.min((data[i] as number) / 20, 1);
    const result = raster(26, 11, 9);
    const area = wholePicture(result);
    const kernels = new KernelApply(problem.logits, simd, constants);
    const features = reserve(kernels, problem, area, gate);
    kernels.apply(features, levelOf(problem.source), levelOf(result).planes, area, { gate: [0, 6] });
    return { problem, result };
  }

  it('does nothing where it is closed', () => {
    const { problem, result } = gated(-1000);
    expect(largestRelativeError(result.data, reference(problem))).toBeLessThan(1e-5);
  });

  it.each([
    [1000, 1],
    [0, 0.5],
    [-1, 1 / (1 + Math.E)],
  ])('multiplies colours by the ratio of albedo and filtered albedo: %d opens it to %d', (logit, open) => {
    const { problem, result } = gated(logit);
    const size = 26 * 11;
    const plain = reference(problem);
    const wanted = plain.map((value, i) => {
      if (i >= 3 * size && i < 6 * size) return value;
      const albedo = 3 * size + (i % (3 * size));
      const ratio = ((problem.source.data[albedo] as number) + 0.01) / ((plain[albedo] as number) + 0.01);
      return value * (1 + open * (Math.min(Math.max(ratio, 1 / 8), 8) - 1));
    });
    expect(largestRelativeError(result.data, wanted)).toBeLessThan(2e-5);
  });

  it('has the constants of the model', () => {
    const constants = { albedoEpsilon: 0.3, maxAlbedoRatio: 1.25, guideScale: 1 };
    const { problem, result } = gated(1000, constants);
    const size = 26 * 11;
    const plain = reference(problem);
    const ratios = Array.from({ length: 3 * size }, (_, i) => {
      const ratio =
        ((problem.source.data[3 * size + i] as number) + 0.3) / ((plain[3 * size + i] as number) + 0.3);
      return Math.min(Math.max(ratio, 0.8), 1.25);
    });
    expect(Math.min(...ratios)).toBe(0.8);
    expect(Math.max(...ratios)).toBe(1.25);
    const wanted = plain.slice(0, 3 * size).map((value, i) => value * (ratios[i] as number));
    expect(largestRelativeError(result.data.subarray(0, 3 * size), wanted)).toBeLessThan(2e-5);
  });

  it('gives back what kernels average away: light on a texture comes out as the texture', () => {
    const problem = randomProblem({ width: 26, height: 11, kernelSize: 7, channels: 6 });
    const size = 26 * 11;
    const { data } = problem.source;
    for (let i = 3 * size; i < 6 * size; i++) {
      data[i] = 0.2 + 0.6 * (((i * 7) % 13) / 13);
      data[i - 3 * size] = 3 * ((data[i] as number) + 0.01);
    }
    const target = raster(26, 11, 3);
    const area = wholePicture(target);
    const kernels = new KernelApply(problem.logits, simd);
    const targets = levelOf(target).planes;
    kernels.apply(reserve(kernels, problem, area, 1000), levelOf(problem.source), targets, area, {
      gate: [0],
    });
    expect(largestRelativeError(target.data, Float64Array.from(data.subarray(0, 3 * size)))).toBeLessThan(
      1e-5,
    );
  });
});

describe('KernelApply', () => {
  it.each([
    { kernelSize: 4, contextChannels: 1, embeddingChannels: 8, data: new Float32Array(32) },
    { kernelSize: 23, contextChannels: 1, embeddingChannels: 8, data: new Float32Array(1058) },
    { kernelSize: 3, contextChannels: 1, embeddingChannels: 9, data: new Float32Array(18) },
    { kernelSize: 3, contextChannels: 1, embeddingChannels: 8, data: new Float32Array(17) },
  ])('refuses logits of $kernelSize x $kernelSize, E $embeddingChannels', (logits) => {
    expect(() => new KernelApply(logits)).toThrow(expect.objectContaining({ code: 'invalid-argument' }));
  });
});
