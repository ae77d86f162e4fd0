import { afterAll, describe, expect, it } from 'vitest';
import type { DenoiseResult } from '../../src/denoise/types.js';
import { QuietframeError } from '../../src/errors.js';
import { ExrPool } from '../../src/exr/pool.js';
import { denoiseExr } from '../../src/files/denoise-file/denoise-exr.js';
import type { DenoiseExrRequest, Neighbor } from '../../src/files/denoise-file/types.js';
import { FrameCache } from '../../src/files/window/frame-cache.js';
import { componentFrame } from '../../src/frame/components.js';
import type { Frame } from '../../src/frame/frame.js';
import type { Box } from '../../src/image/image.js';
import { raster } from '../../src/image/raster.js';
import { blenderParts, exrFile, type PartRecipe } from '../support/exr-files.js';
import { StubDenoiser } from '../support/stub-denoiser.js';

const pool = new ExrPool({ workers: 1 });
afterAll(() => pool.close());

const [WIDTH, HEIGHT] = [48, 32];
const PIXELS = WIDTH * HEIGHT;
const BOX: Box = { xMin: 0, yMin: 0, xMax: WIDTH - 1, yMax: HEIGHT - 1 };

/** Gives back what it is given. */
class WindowDenoiser extends StubDenoiser {
  fails = false;

  override denoise(...of: Parameters<StubDenoiser['denoise']>): Promise<DenoiseResult> {
    const denoised = super.denoise(...of);
    if (this.fails) throw new QuietframeError('internal', 'The stub was told to fail');
    return denoised;
  }

  /** Offsets of the last request, with the motion of each. */
  motions(): Map<number, Float32Array> {
    const neighbors = this.seen.at(-1)?.request.neighbors ?? [];
    return new Map(neighbors.map(({ offset, motion }) => [offset, motion.data]));
  }
}

/** Where a point of frame 0 is at a time: a zoom about a point that drifts, linear in x and y at any time. */
const path = (x: number, y: number, time: number): readonly [number, number] => [
  (x - 20) * 1.04 ** time + 20 + 0.75 * time,
  (y - 14) * 0.97 ** time + 14 - 0.5 * time,
];
/** Where the content of a pixel at time `from` is at time `to`. */
function offset(x: number, y: number, from: number, to: number): readonly [number, number] {
  const originX = (x - 20 - 0.75 * from) / 1.04 ** from + 20;
  const originY = (y - 14 + 0.5 * from) / 0.97 ** from + 14;
  const [toX, toY] = path(originX, originY, to);
  return [toX - x, toY - y];
}

const texture = (x: number, y: number): number =>
  0.5 + 0.25 * Math.sin(0.5 * x + 0.2 * y) + 0.2 * Math.sin(0.7 * y - 0.3 * x);

/** Samples of Cycles' motion pass: previous - centre, centre - next, y up. */
function vector(suffix: string, x: number, y: number, time: number): number {
  const [previous, next] = [offset(x, y, time, time - 1), offset(x, y, time, time + 1)];
  return { X: previous[0], Y: -previous[1], Z: -next[0], W: next[1] }[suffix] as number;
}

interface Recipe {
  readonly passes?: readonly string[];
  readonly window?: Box;
  /** In place of a sample. */
  readonly change?: (channel: string, x: number, y: number) => number | undefined;
}

const PASSES = ['Combined.RGBA', 'Denoising Albedo.RGB', 'Denoising Normal.XYZ', 'Vector.XYZW'];

/** A frame of the shot at a time. */
function frameAt(time: number, { passes = PASSES, window = BOX, change }: Recipe = {}): Uint8Array {
  const width = window.xMax - window.xMin + 1;
  const parts = blenderParts('V', passes).map((part): PartRecipe => ({ ...part, window }));
  return exrFile(parts, (channel, i) => {
    const [x, y] = [i % width, Math.floor(i / width)];
    const changed = change?.(channel, x, y);
    if (changed !== undefined) return changed;
    if (channel.includes('Vector')) return vector(channel.at(-1) as string, x, y, time);
    const [u, v] = offset(x, y, time, 0);
    // Normals that are the same everywhere count as missing.
    if (channel.includes('Normal'))
      return channel.endsWith('X') ? texture(x + u, y + v) / 10 : channel.endsWith('Z') ? 1 : 0;
    return (
      texture(x + u, y + v) * (channel.includes('Albedo') ? 0.9 : 2) + (channel.endsWith('G') ? 0.05 : 0)
    );
  });
}

const neighbor = (offset: number, recipe?: Recipe): Neighbor => ({ exr: frameAt(offset, recipe), offset });
const window = (...offsets: number[]): Neighbor[] => offsets.map((offset) => neighbor(offset));

async function failure(request: DenoiseExrRequest): Promise<QuietframeError> {
  const error = await denoiseExr(request, { pool, denoiser: new WindowDenoiser() }).catch(
    (reason: unknown) => reason,
  );
  if (error instanceof QuietframeError) return error;
  throw new Error('expected a QuietframeError');
}

/** Mean distance to the true motion where its way stays inside; checks that this is most of the picture. */
function motionError(found: Float32Array, to: number): number {
  let [sum, count] = [0, 0];
  for (let i = 0; i < PIXELS; i++) {
    const [x, y] = [i % WIDTH, Math.floor(i / WIDTH)];
    const steps = Array.from({ length: Math.abs(to) }, (_, k) => offset(x, y, 0, Math.sign(to) * (k + 1)));
    const stays = steps.every(
      ([u, v]) => x + u >= 0 && x + u <= WIDTH - 1 && y + v >= 0 && y + v <= HEIGHT - 1,
    );
    if (!stays) continue;
    const [u, v] = steps.at(-1) as readonly [number, number];
    sum += Math.hypot((found[i] as number) - u, (found[PIXELS + i] as number) - v);
    count++;
  }
  expect(count).toBeGreaterThan(PIXELS / 2);
  return sum / count;
}

describe('windows', () => {
  it('reach the denoiser with every layer, in both directions, with chained motion', async () => {
    const denoiser = new WindowDenoiser();
    const neighbors = window(2, -1, 3, -3, 1, -2);
    const { report } = await denoiseExr({ exr: frameAt(0), neighbors }, { pool, denoiser });
    expect([report.windowUsed, report.motion, report.input.neighbors]).toEqual([
      7,
      'vectors',
      [-3, -2, -1, 1, 2, 3],
    ]);
    expect(report.warnings).toEqual([]);
    const motions = denoiser.motions();
    expect([...motions.keys()].sort((a, b) => a - b)).toEqual([-3, -2, -1, 1, 2, 3]);
    for (const [to, motion] of motions) expect(motionError(motion, to)).toBeLessThan(1e-4);
    for (const { offset: to, frame } of denoiser.seen[0]?.request.neighbors ?? []) {
      const [u, v] = offset(5, 7, to, 0);
      expect(frame.color.data[7 * WIDTH + 5]).toBeCloseTo(2 * texture(5 + u, 7 + v), 5);
      expect(Object.keys(frame)).toEqual(expect.arrayContaining(['albedo', 'normal', 'colorVariance']));
    }
  });

  it.each([
    ['the first frame of a shot', [1, 2, 3]],
    ['the last frame of a shot', [-3, -2, -1]],
    ['uneven sides', [-2, -1, 1]],
  ])('may be one-sided: %s', async (_, offsets) => {
    const denoiser = new WindowDenoiser();
    const { report } = await denoiseExr(
      { exr: frameAt(0), neighbors: window(...offsets) },
      { pool, denoiser },
    );
    expect([report.windowUsed, report.motion]).toEqual([1 + offsets.length, 'vectors']);
    for (const [to, motion] of denoiser.motions()) expect(motionError(motion, to)).toBeLessThan(1e-4);
  });

  it('are none with one frame', async () => {
    const { report } = await denoiseExr({ exr: frameAt(0) }, { pool, denoiser: new WindowDenoiser() });
    expect([report.motion, report.windowUsed]).toEqual(['none', 1]);
  });

  it('have the same further layers in every frame', async () => {
    const passes = [...PASSES, 'Combined_key.RGB'];
    const denoiser = new WindowDenoiser();
    const request = { exr: frameAt(0, { passes }), aovs: ['Combined_key'], alpha: 'denoise' } as const;
    await denoiseExr({ ...request, neighbors: [neighbor(1, { passes })] }, { pool, denoiser });
    const [next] = denoiser.seen[0]?.request.neighbors ?? [];
    expect(next?.also?.map(({ channels }) => channels)).toEqual([3, 1]);
    const missing = await failure({ ...request, neighbors: [neighbor(1)] });
    expect([missing.code, missing.status, missing.details.frame]).toEqual([
      'missing-layer',
      422,
      'neighbor[1]',
    ]);
  });

  it('are none for a model that uses one frame: nothing else is decoded', async () => {
    const denoiser = new WindowDenoiser((value) => value, 1);
    const { report } = await denoiseExr({ exr: frameAt(0), neighbors: window(-1, 1) }, { pool, denoiser });
    expect([report.windowUsed, report.motion, report.decoded.misses]).toEqual([1, 'none', 1]);
    expect(denoiser.seen[0]?.request.neighbors).toEqual([]);
  });

  it('use no frame further than 3 from the centre, and say so', async () => {
    const denoiser = new WindowDenoiser();
    const { report } = await denoiseExr(
      { exr: frameAt(0), neighbors: window(1, 2, 3, 4) },
      { pool, denoiser },
    );
    expect([report.windowUsed, report.warnings.map(({ code }) => code)]).toEqual([4, ['distant-frames']]);
  });
});

describe('motion', () => {
  const withoutVectors = { passes: PASSES.slice(0, 3) };

  it('is estimated where there are no vectors', async () => {
    const denoiser = new WindowDenoiser();
    const neighbors = [-2, -1, 1, 2].map((at) => neighbor(at, withoutVectors));
    const { report } = await denoiseExr({ exr: frameAt(0, withoutVectors), neighbors }, { pool, denoiser });
    expect([report.motion, report.warnings.map(({ code }) => code)]).toEqual([
      'optical-flow',
      ['optical-flow'],
    ]);
    for (const [to, motion] of denoiser.motions()) expect(motionError(motion, to)).toBeLessThan(0.5);
  });

  it('is estimated over a gap, and chained beyond it', async () => {
    const denoiser = new WindowDenoiser();
    const { report } = await denoiseExr({ exr: frameAt(0), neighbors: window(-1, 2, 3) }, { pool, denoiser });
    const warning = report.warnings.find(({ code }) => code === 'optical-flow');
    expect([report.motion, warning?.message]).toEqual([
      'optical-flow',
      expect.stringContaining('neighbor[2]'),
    ]);
    expect(warning?.message).not.toContain('neighbor[3]');
    expect(motionError(denoiser.motions().get(-1) as Float32Array, -1)).toBeLessThan(1e-4);
    expect(motionError(denoiser.motions().get(3) as Float32Array, 3)).toBeLessThan(0.5);
  });

  it('is not known where vectors are NaN, infinite or absurd', async () => {
    const denoiser = new WindowDenoiser();
    const change = (channel: string, x: number, y: number): number | undefined => {
      if (!channel.includes('Vector') || y !== 4) return undefined;
      return [Number.NaN, Number.POSITIVE_INFINITY, -1e20][x];
    };
    const neighbors = window(-1, 1);
    const { report } = await denoiseExr({ exr: frameAt(0, { change }), neighbors }, { pool, denoiser });
    expect(report.warnings.map(({ code }) => code)).toEqual(['unknown-motion']);
    expect(report.motion).toBe('vectors');
    for (const motion of denoiser.motions().values()) {
      const unknown = [...motion].flatMap((value, i) => (Number.isNaN(value) ? [i] : []));
      expect(unknown).toEqual(
        [0, 1, 2].flatMap((x) => [4 * WIDTH + x]).concat([0, 1, 2].map((x) => PIXELS + 4 * WIDTH + x)),
      );
    }
  });

  it('is estimated where no vector is a number', async () => {
    const denoiser = new WindowDenoiser();
    const change = (channel: string): number | undefined =>
      channel.includes('Vector') ? Number.NaN : undefined;
    const { report } = await denoiseExr(
      { exr: frameAt(0, { change }), neighbors: window(1) },
      { pool, denoiser },
    );
    expect([report.motion, report.warnings.map(({ code }) => code)]).toEqual([
      'optical-flow',
      ['unknown-motion', 'optical-flow'],
    ]);
  });

  it('may lead out of the frame', async () => {
    const denoiser = new WindowDenoiser();
    const change = (channel: string): number | undefined => (channel.endsWith('Vector.X') ? 1000 : undefined);
    await denoiseExr({ exr: frameAt(0, { change }), neighbors: window(-1, -2) }, { pool, denoiser });
    expect(denoiser.motions().get(-2)?.every(Number.isFinite)).toBe(true);
    expect(denoiser.motions().get(-1)?.[0]).toBe(1000);
  });

  it('in another convention is told, and used as it is', async () => {
    const denoiser = new WindowDenoiser();
    const change = (channel: string, x: number, y: number): number | undefined =>
      channel.includes('Vector') ? -3 * vector(channel.at(-1) as string, x, y, 0) : undefined;
    const far = (at: number): Neighbor => ({ exr: frameAt(3 * at), offset: at });
    const { report } = await denoiseExr(
      { exr: frameAt(0, { change }), neighbors: [far(-1), far(1)] },
      { pool, denoiser },
    );
    const warning = report.warnings.find(({ code }) => code === 'motion-convention');
    expect(warning?.message).toContain('the opposite sign');
    expect(denoiser.motions().get(1)?.[0]).toBeCloseTo(-3 * offset(0, 0, 0, 1)[0], 5);
  });
});

describe('a convention that is named', () => {
  /** Vectors of Cycles, as another renderer would write them. */
  const relative = (channel: string, x: number, y: number): number | undefined => {
    if (!channel.includes('Vector')) return undefined;
    const c = channel.at(-1) as string;
    return ('ZW'.includes(c) ? -1 : 1) * (vector(c, x, y, 0) / ('XZ'.includes(c) ? WIDTH : HEIGHT));
  };
  const neighbors = window(-1, 1);

  it('is how the vectors are read, also where the frame was kept in another one', async () => {
    const denoiser = new WindowDenoiser();
    const services = { pool, denoiser, frames: new FrameCache(2 ** 26) };
    const exr = frameAt(0, { change: relative });
    await denoiseExr({ exr, neighbors }, services);
    const wrong = denoiser.motions();
    const { report } = await denoiseExr({ exr, neighbors, motion: 'to-both,y-up,relative' }, services);
    expect([report.motion, report.warnings]).toEqual(['vectors', []]);
    for (const to of [-1, 1]) {
      const request = denoiser.seen[1]?.request;
      const right = request?.neighbors?.find(({ offset }) => offset === to)?.motion.data;
      expect(motionError(right as Float32Array, to)).toBeLessThan(1e-4);
      expect(motionError(wrong.get(to) as Float32Array, to)).toBeGreaterThan(0.1);
    }
  });

  it('of one direction leaves the other to optical flow', async () => {
    const { report } = await denoiseExr(
      { exr: frameAt(0), neighbors, motion: 'to-previous,y-up' },
      { pool, denoiser: new WindowDenoiser() },
    );
    const [warning] = report.warnings;
    expect([warning?.code, warning?.message]).toEqual([
      'optical-flow',
      expect.stringContaining('neighbor[1]'),
    ]);
    expect(warning?.message).not.toContain('neighbor[-1]');
  });

  it('may be none', async () => {
    const { report } = await denoiseExr(
      { exr: frameAt(0), neighbors, motion: 'none' },
      { pool, denoiser: new WindowDenoiser() },
    );
    expect(report.motion).toBe('optical-flow');
  });

  it('needs a layer with its channels', async () => {
    const without = frameAt(0, { passes: PASSES.slice(0, 3) });
    expect(await failure({ exr: without, motion: 'to-previous' })).toMatchObject({
      code: 'missing-layer',
      message:
        'Expected a layer of 2 channels for motion=to-previous for the role motion but received "none"',
    });
    const flat = exrFile([{ layers: ['RGB', 'motion.XY'] }], () => 0.5);
    expect(await failure({ exr: flat, motion: 'to-both' })).toMatchObject({
      code: 'missing-layer',
      message: expect.stringContaining('motion.X, motion.Y'),
    });
  });
});

describe('frames that are kept', () => {
  it('are decoded once while a window slides', async () => {
    const denoiser = new WindowDenoiser();
    const frames = new FrameCache(2 ** 26);
    const files = new Map([0, 1, 2, 3, 4].map((time) => [time, frameAt(time)]));
    const counts = [];
    for (let center = 1; center <= 3; center++) {
      const neighbors = [-1, 1].map((at) => ({ exr: files.get(center + at) as Uint8Array, offset: at }));
      const request = { exr: files.get(center) as Uint8Array, neighbors };
      const { report } = await denoiseExr(request, { pool, denoiser, frames });
      counts.push([report.decoded.hits, report.decoded.misses]);
      expect(report.decoded.bytes).toBe(frames.bytes);
    }
    expect(counts).toEqual([
      [0, 3],
      [2, 1],
      [2, 1],
    ]);
    const keys = denoiser.seen.map(({ request }) => [
      request.key,
      ...(request.neighbors ?? []).map(({ key }) => key),
    ]);
    expect(keys[1]?.[0]).toBe(keys[0]?.[2]);
    expect(new Set(keys.flat()).size).toBe(5);
  });

  it('are told apart by their bytes and by how they are read', async () => {
    const denoiser = new WindowDenoiser();
    const frames = new FrameCache(2 ** 26);
    const exr = frameAt(0);
    const change = (channel: string, x: number): number | undefined =>
      channel.endsWith('Combined.R') && x === 0 ? 7 : undefined;
    const requests: DenoiseExrRequest[] = [
      { exr },
      { exr: exr.slice() },
      { exr: frameAt(0, { change }) },
      { exr, layers: { normal: 'none' } },
      { exr, halves: [exr, frameAt(0, { change })] },
    ];
    const hits = [];
    for (const request of requests)
      hits.push((await denoiseExr(request, { pool, denoiser, frames })).report.decoded.hits);
    expect(hits).toEqual([0, 1, 0, 0, 0]);
    expect(new Set(denoiser.seen.map(({ request }) => request.key)).size).toBe(4);
  });

  it('go by the digests that are known', async () => {
    const denoiser = new WindowDenoiser();
    const frames = new FrameCache(2 ** 26);
    const hits = [];
    for (const exr of [frameAt(0), frameAt(1)]) {
      const digests = new Map([[exr, 'f'.repeat(64)]]);
      hits.push((await denoiseExr({ exr, digests }, { pool, denoiser, frames })).report.decoded.hits);
    }
    expect(hits).toEqual([0, 1]);
  });

  it('stay within the bytes that are allowed', async () => {
    const one = new FrameCache(2 ** 26);
    const denoiser = new WindowDenoiser();
    await denoiseExr({ exr: frameAt(0) }, { pool, denoiser, frames: one });
    const frames = new FrameCache(Math.floor(1.5 * one.bytes));
    for (const time of [0, 1, 0]) {
      const { report } = await denoiseExr({ exr: frameAt(time) }, { pool, denoiser, frames });
      expect([report.decoded.hits, frames.bytes]).toEqual([0, one.bytes]);
    }
    const none = new FrameCache(0);
    await denoiseExr({ exr: frameAt(0) }, { pool, denoiser, frames: none });
    expect(none.bytes).toBe(0);
  });

  it('are none of a request that failed', async () => {
    const frames = new FrameCache(2 ** 26);
    const denoiser = new WindowDenoiser();
    denoiser.fails = true;
    const request = { exr: frameAt(0), neighbors: window(1) };
    await expect(denoiseExr(request, { pool, denoiser, frames })).rejects.toThrow('told to fail');
    expect(frames.bytes).toBe(0);
    const damaged = frameAt(2).fill(0xff, -40);
    await expect(
      denoiseExr({ exr: frameAt(0), neighbors: [{ exr: damaged, offset: 1 }] }, { pool, denoiser, frames }),
    ).rejects.toThrow();
    expect(frames.bytes).toBe(0);
  });
});

describe('windows that are refused', () => {
  const exr = frameAt(0);

  it.each<[string, Recipe, string]>([
    ['another size', { window: { ...BOX, xMax: 40 } }, '(0, 0) to (47, 31)'],
    ['another place', { window: { xMin: 1, yMin: 0, xMax: WIDTH, yMax: HEIGHT - 1 } }, '(1, 0)'],
    ['no albedo', { passes: PASSES.filter((pass) => !pass.includes('Albedo')) }, 'albedo'],
    ['no normals', { passes: PASSES.filter((pass) => !pass.includes('Normal')) }, 'normal'],
    ['no vectors', { passes: PASSES.filter((pass) => !pass.includes('Vector')) }, 'motion'],
  ])('have a frame with %s', async (_, recipe, named) => {
    const error = await failure({ exr, neighbors: [neighbor(-1), neighbor(1, recipe)] });
    expect([error.code, error.status, error.details.frame]).toEqual([
      'mismatched-frames',
      422,
      'neighbor[1]',
    ]);
    expect(error.message).toContain(named);
  });

  it('have a frame of another renderer', async () => {
    const layers = ['RGB', 'Albedo.RGB', 'Ns.XYZ'];
    const other = exrFile([{ window: BOX, layers, attributes: { NDCFromWorld: 'pbrt' } }], () => 0.5);
    const error = await failure({ exr, neighbors: [{ exr: other, offset: 1 }] });
    expect([error.code, error.details.frame]).toEqual(['mismatched-frames', 'neighbor[1]']);
    expect(error.message).toContain('pbrt');
  });

  it.each<[string, number[]]>([
    ['more than 7 frames', [-3, -2, -1, 1, 2, 3, 4]],
    ['two frames in one place', [1, 1]],
    ['a frame in the place of the centre', [0]],
    ['a frame between two others', [0.5]],
  ])('have %s', async (_, offsets) => {
    const error = await failure({ exr, neighbors: offsets.map((at) => ({ exr, offset: at })) });
    expect([error.code, error.status]).toEqual(['invalid-argument', 400]);
  });
});

describe('the map of lambda', () => {
  const exr = frameAt(0);
  const map = (channels: string, value: (i: number) => number, box: Box = BOX): Uint8Array =>
    exrFile([{ window: box, layers: [channels] }], (_, i) => value(i));

  it.each(['=lambda', 'Y', 'RGB', '=slope'])('is read from %s', async (channels) => {
    const denoiser = new WindowDenoiser();
    const lambdaMap = map(channels, (i) => 1 + (i % 9));
    const { report } = await denoiseExr({ exr, lambdaMap }, { pool, denoiser });
    const { lambda } = denoiser.seen[0]?.request ?? {};
    expect(lambda).toEqual(
      raster(
        WIDTH,
        HEIGHT,
        1,
        Float32Array.from({ length: PIXELS }, (_, i) => 1 + (i % 9)),
      ),
    );
    expect(report.lambdaMap).toMatch(/^[0-9a-f]{64}$/);
  });

  it('may lie elsewhere', async () => {
    const lambdaMap = map('Y', () => 2, { xMin: 100, yMin: 7, xMax: 147, yMax: 38 });
    await denoiseExr({ exr, lambdaMap }, { pool, denoiser: new WindowDenoiser() });
  });

  it.each<[string, Uint8Array, string]>([
    ['has another size', map('Y', () => 2, { ...BOX, xMax: 46 }), 'mismatched-frames'],
    ['has a NaN', map('Y', (i) => (i === 77 ? Number.NaN : 1)), 'invalid-argument'],
    ['has a sample below 1', map('Y', (i) => (i === 77 ? 0.99 : 1)), 'invalid-argument'],
    ['has a sample above 10', map('Y', (i) => (i === 77 ? 10.1 : 1)), 'invalid-argument'],
    ['has no channel for it', map('XZ', () => 2), 'missing-layer'],
    ['is no OpenEXR file', new Uint8Array(100), 'malformed-exr'],
  ])('is refused if it %s', async (_, lambdaMap, code) => {
    const error = await failure({ exr, lambdaMap });
    expect(error.code).toBe(code);
    expect(error.status).toBeLessThan(500);
  });

  it('is refused beside a number', async () => {
    expect((await failure({ exr, lambda: 2, lambdaMap: map('Y', () => 2) })).code).toBe('invalid-argument');
  });
});

it('names what is not there', () => {
  const frame = { width: 1, height: 1 } as Frame;
  expect(() => componentFrame(frame, 'specular')).toThrow('split');
});
