import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { Denoiser } from '../../src/denoise/denoiser.js';
import { ExrPool } from '../../src/exr/pool.js';
import { readExr } from '../../src/exr/read-exr.js';
import { applyCoverage, coverageOf, isTransparent } from '../../src/files/denoise-file/coverage.js';
import { denoiseExr } from '../../src/files/denoise-file/denoise-exr.js';
import type { DenoiseExrRequest } from '../../src/files/denoise-file/types.js';
import { type Raster, raster } from '../../src/image/raster.js';
import { exrFile } from '../support/exr-files.js';
import { scatter } from '../support/random.js';

const pool = new ExrPool({ workers: 1 });
const modelsDirectory = fileURLToPath(new URL('../../models', import.meta.url));
const denoiser = await Denoiser.load({ modelsDirectory, threads: 1 });
afterAll(() => Promise.all([pool.close(), denoiser.close()]));

const [WIDTH, HEIGHT] = [96, 72];
const PIXELS = WIDTH * HEIGHT;
const COLORS: Readonly<Record<string, number>> = { R: 0.7, G: 0.3, B: 0.15 };

/** Noise in [0, 1), the same in every run. */
function noise(seed: number, i: number): number {
  return scatter(i * 12.9898 + seed * 78.233);
}

/** A ball with an antialiased edge, and a soft cloud beside it. */
const ball = (i: number): number => {
  const [x, y] = [(i % WIDTH) - 36, Math.floor(i / WIDTH) - 36];
  return Math.min(Math.max(24 - Math.hypot(x, y) + 0.5, 0), 1);
};
const cloud = (i: number): number => {
  const [x, y] = [(i % WIDTH) - 80, Math.floor(i / WIDTH) - 36];
  return 0.6 * Math.exp(-(x * x + y * y) / 90);
};
/** Four samples of a probability. */
const hits = (share: number, i: number): number => {
  let count = 0;
  for (let s = 0; s < 4; s++) if (noise(s + 20, i) < share) count++;
  return count / 4;
};

interface Film {
  readonly color: (channel: string, i: number) => number;
  readonly alpha: (i: number) => number;
}
const shade = (i: number): number => 0.4 + 0.6 * ((i % WIDTH) / WIDTH);
const clean: Film = {
  alpha: (i) => ball(i) + cloud(i),
  color: (channel, i) =>
    (COLORS[channel] as number) * shade(i) * ball(i) + cloud(i) * (COLORS[channel] as number),
};
const cloudHits = (i: number): number => (cloud(i) > 0.005 ? hits(cloud(i), i) : 0);
const noisy: Film = {
  alpha: (i) => Math.min(ball(i) + cloudHits(i), 1),
  color: (channel, i) => {
    const brightness = 0.3 + 1.4 * noise(1, i) + 0.1 * noise(channel.charCodeAt(0), i);
    return (COLORS[channel] as number) * brightness * (shade(i) * ball(i) + cloudHits(i));
  },
};

function file({ color, alpha }: Film): Uint8Array {
  const window = { xMin: 0, yMin: 0, xMax: WIDTH - 1, yMax: HEIGHT - 1 };
  return exrFile(
    [{ window, layers: ['RGBA', 'albedo.RGB', 'normal.XYZ', 'key.RGB', 'fill.RGB'] }],
    (channel, i) => {
      if (channel === 'A') return alpha(i);
      const share = channel.startsWith('key.') ? 0.75 : 0.25;
      if (/^(key|fill)\./.test(channel)) return share * color(channel.at(-1) as string, i);
      if (channel.startsWith('albedo.')) return (COLORS[channel.at(-1) as string] as number) * ball(i);
      if (channel.startsWith('normal.')) return channel.endsWith('Z') ? ball(i) : 0;
      return color(channel, i);
    },
  );
}

type Planes = ReadonlyMap<string, ArrayLike<number>>;

function planesOf(exr: Uint8Array): Planes {
  const planes = readExr(exr).parts.flatMap((part) => [...part.planes.values()]);
  return new Map(planes.map(({ name, data }) => [name, data]));
}

async function denoised(film: Film, request: Partial<DenoiseExrRequest> = {}): Promise<Planes> {
  return planesOf((await denoiseExr({ exr: file(film), ...request }, { pool, denoiser })).exr);
}

/** Mean SMAPE over a background of the pixels that a condition selects. */
function error(
  planes: Planes,
  background: (channel: string, i: number) => number,
  of: (i: number) => boolean,
): number {
  const reference = planesOf(file(clean));
  let [sum, count] = [0, 0];
  for (const channel of ['R', 'G', 'B']) {
    const over = (film: Planes, i: number): number =>
      (film.get(channel)?.[i] as number) + (1 - (film.get('A')?.[i] as number)) * background(channel, i);
    for (let i = 0; i < PIXELS; i++) {
      if (!of(i)) continue;
      const [a, b] = [over(planes, i), over(reference, i)];
      sum += Math.abs(a - b) / (Math.abs(a) + Math.abs(b) + 0.01);
      count++;
    }
  }
  return sum / count;
}

const BACKGROUNDS = {
  black: () => 0,
  white: () => 1,
  'a picture': (channel: string, i: number) =>
    (COLORS[channel] as number) * Math.abs(Math.sin((i % WIDTH) / 7) * Math.cos(i / WIDTH / 5)),
};

/** Within two pixels of the edge of the ball, away from the cloud. */
const isEdge = (i: number): boolean => {
  const distance = Math.hypot((i % WIDTH) - 36, Math.floor(i / WIDTH) - 36);
  return Math.abs(distance - 24) < 2.5 && cloud(i) < 0.005;
};
const isCloud = (i: number): boolean => cloud(i) > 0.1 && ball(i) === 0;

describe('a transparent film', async () => {
  const [before, after] = [planesOf(file(noisy)), await denoised(noisy)];

  it('has no light where it has no alpha, and keeps its antialiased edges', () => {
    for (let i = 0; i < PIXELS; i++) {
      if (cloud(i) > 0.005) continue;
      const alpha = after.get('A')?.[i] as number;
      expect(alpha).toBeCloseTo(ball(i), 6);
      if (alpha === 0) for (const channel of ['R', 'G', 'B']) expect(after.get(channel)?.[i]).toBe(0);
    }
  });

  it.each(Object.entries(BACKGROUNDS))(
    'composites over %s with edges better than the noisy ones',
    (_, background) => {
      expect(error(after, background, isEdge)).toBeLessThan(0.75 * error(before, background, isEdge));
    },
  );

  it.each(Object.entries(BACKGROUNDS))(
    'composites over %s with a soft cloud better than the noisy one',
    (_, background) => {
      expect(error(after, background, isCloud)).toBeLessThan(0.75 * error(before, background, isCloud));
    },
  );

  it('copies or filters alpha where that is asked for', async () => {
    const copied = await denoised(noisy, { alpha: 'copy' });
    expect(copied.get('A')).toEqual(before.get('A'));
    const filtered = await denoised(noisy, { alpha: 'denoise' });
    expect(filtered.get('R')).toEqual(copied.get('R'));
    expect(filtered.get('A')).not.toEqual(before.get('A'));
  });

  it('keeps the sum of layers of light', async () => {
    const planes = await denoised(noisy, { aovs: ['key', 'fill'] });
    for (let i = 0; i < PIXELS; i++) {
      const [whole, key, fill] = ['R', 'key.R', 'fill.R'].map((name) => planes.get(name)?.[i] as number);
      expect((key as number) + (fill as number)).toBeCloseTo(whole as number, 4);
    }
  });

  it('is the same in a region', async () => {
    const region = { x: 50, y: 20, width: 30, height: 20 };
    const part = await denoised(noisy, { region });
    for (let i = 0; i < region.width * region.height; i++) {
      const [x, y] = [region.x + (i % region.width), region.y + Math.floor(i / region.width)];
      expect(part.get('R')?.[i]).toBe(after.get('R')?.[y * WIDTH + x]);
    }
  });

  it('keeps light without coverage, such as a glow', async () => {
    const glow: Film = {
      alpha: () => 0,
      color: (channel, i) => (1 + noise(2, i)) * (COLORS[channel] as number),
    };
    const lit: Film = {
      alpha: ball,
      color: (channel, i) => noisy.color(channel, i) + glow.color(channel, i),
    };
    const planes = await denoised(lit);
    for (let i = 0; i < PIXELS; i++) {
      if (ball(i) === 0) expect(planes.get('R')?.[i]).toBeGreaterThan(0.5);
    }
  });
});

it('asks for alpha that is neither 0 nor 1 everywhere', () => {
  const alpha = (...values: number[]): Raster => raster(values.length, 1, 1, Float32Array.from(values));
  expect(isTransparent(alpha(0, 0, 0))).toBe(false);
  expect(isTransparent(alpha(1, 1, 1))).toBe(false);
  expect(isTransparent(alpha(0, 1, 1))).toBe(true);
  expect(isTransparent(alpha(0.5, 0.5, 0.5))).toBe(true);
});

it('keeps the noisy light of a pixel whose coverage the filter has lost', () => {
  const alpha = raster(5, 5, 1);
  alpha.data[12] = 1;
  const filtered = raster(5, 5, 1, new Float32Array(25).fill(0.04));
  const [light, noisyLight] = [raster(5, 5, 3, new Float32Array(75).fill(0.04)), raster(5, 5, 3)];
  for (let c = 0; c < 3; c++) noisyLight.data[25 * c + 12] = 1;
  applyCoverage(light, noisyLight, alpha, coverageOf(alpha, filtered));
  expect(light.data).toEqual(noisyLight.data);
});
