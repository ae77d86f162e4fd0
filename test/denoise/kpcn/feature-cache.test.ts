import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Denoiser } from '../../../src/denoise/denoiser.js';
import { FeatureCache, levelsBytes } from '../../../src/denoise/kpcn/feature-cache.js';
import type { WindowFrame } from '../../../src/denoise/types.js';
import { raster } from '../../../src/image/raster.js';
import { frameOf, TINY_MODELS } from '../support.js';

const layout = {
  ...{ width: 13, height: 16, levels: 3 },
  rasters: [
    { name: 'spatial', channels: 8, scale: 2 },
    { name: 'embedding', channels: 8, scale: 1 },
  ] as const,
};
/** 16 x 16 pixels and their levels; for each 8/4 values of spatial features, 8 of embedding. */
const BYTES = 16 * 16 * (1 + 1 / 4 + 1 / 16) * 10 * 4;

/** A request that looks features up by key. */
function request(cache: FeatureCache, keys: readonly (string | undefined)[], whole = true): boolean[] {
  const lease = cache.lease();
  const known = keys.map((key) => lease.get(key, layout).known);
  lease.end(whole);
  return known;
}

describe('FeatureCache', () => {
  it('keeps what was used last, within its limit', () => {
    expect(levelsBytes(layout)).toBe(BYTES);
    const cache = new FeatureCache(2.5 * BYTES);
    expect(request(cache, ['a', 'b'])).toEqual([false, false]);
    expect(cache.statistics).toEqual({ hits: 0, misses: 2, bytes: 2 * BYTES });
    expect(request(cache, ['a'])).toEqual([true]);
    expect(request(cache, ['c'])).toEqual([false]);
    expect(request(cache, ['a', 'c', 'b'])).toEqual([true, true, false]);
    expect(cache.statistics).toEqual({ hits: 3, misses: 4, bytes: 2 * BYTES });
  });

  it('keeps nothing without a key, of a request that failed, or when it may not', () => {
    const cache = new FeatureCache(10 * BYTES);
    request(cache, [undefined, 'a']);
    expect(cache.statistics.bytes).toBe(BYTES);
    expect(request(cache, ['a', 'b'], false)).toEqual([true, false]);
    expect(cache.statistics.bytes).toBe(BYTES);
    expect(request(cache, ['a', 'b'])).toEqual([true, false]);
    const none = new FeatureCache(0);
    request(none, ['a']);
    expect(request(none, ['a'])).toEqual([false]);
    expect(none.statistics.bytes).toBe(0);
  });

  it('gives a request the same features for the same key, and others for others', () => {
    const lease = new FeatureCache(0).lease();
    const [a, again, b, none] = ['a', 'a', 'b', undefined].map((key) => lease.get(key, layout));
    expect(again).toEqual({ cached: a?.cached, known: true });
    expect(new Set([a, b, none].map((entry) => entry?.cached.buffer)).size).toBe(3);
    expect(lease.lookups).toEqual({ hits: 0, misses: 2 });
  });

  it('lays levels out side by side', () => {
    const { cached } = new FeatureCache(0).lease().get('a', layout);
    const views = cached.levels.flatMap(({ spatial, embedding }) => [spatial, embedding]);
    for (const [i, { data }] of views.entries()) data.fill(i);
    expect(views.map(({ data }, i) => data.every((value) => value === i))).not.toContain(false);
    expect(views.reduce((sum, { data }) => sum + data.byteLength, 0)).toBe(BYTES);
    expect(cached.levels[1]?.spatial).toMatchObject({ width: 4, height: 4, channels: 8 });
    expect(cached.levels[1]?.embedding).toMatchObject({ width: 8, height: 8, channels: 8 });
  });

  it('uses memory again', () => {
    const cache = new FeatureCache(BYTES);
    const buffer = (key: string): SharedArrayBuffer => {
      const lease = cache.lease();
      const { cached } = lease.get(key, layout);
      lease.end(true);
      return cached.buffer;
    };
    expect(buffer('b')).toBe(buffer('a'));
  });

  it('keeps what a request gives back early, whether the request succeeds or not', () => {
    const cache = new FeatureCache(10 * BYTES);
    const lease = cache.lease();
    const { cached } = lease.get('a', layout);
    lease.release('a', cached);
    const unnamed = lease.get(undefined, layout).cached;
    lease.release(undefined, unnamed);
    expect(lease.get(undefined, layout).cached.buffer).toBe(unnamed.buffer);
    lease.end(false);
    expect(request(cache, ['a'])).toEqual([true]);
    expect(cache.statistics.bytes).toBe(BYTES);
  });
});

describe('Denoiser with a cache of features', () => {
  const [width, height] = [64, 48];
  const frames = Array.from({ length: 5 }, (_, seed) => frameOf(width, height, seed));
  let denoiser: Denoiser;

  beforeAll(async () => {
    denoiser = await Denoiser.load({ modelsDirectory: TINY_MODELS, threads: 2 });
  });

  afterAll(() => denoiser.close());

  /** The window of three around a frame. */
  function windowOf(index: number): { key: string; neighbors: WindowFrame[] } {
    const neighbors = [-1, 1].map((offset) => ({
      ...{ offset, frame: frames[index + offset] as (typeof frames)[number], key: `frame ${index + offset}` },
      motion: raster(width, height, 2),
    }));
    return { key: `frame ${index}`, neighbors };
  }

  it('makes the features and the estimate of one frame for each step of a window', async () => {
    const lookups = [];
    for (const index of [1, 2, 3]) {
      const { report } = await denoiser.denoise(frames[index] as (typeof frames)[number], windowOf(index));
      lookups.push([report.features?.hits, report.features?.misses]);
    }
    // Two or three frames' estimates and the centre's features are there; both of the new frame are not.
    expect(lookups).toEqual([
      [0, 6],
      [3, 2],
      [3, 2],
    ]);
  });

  it('computes nothing before the specialisation for another lambda, and gets the same as without a cache', async () => {
    const frame = frames[2] as (typeof frames)[number];
    await denoiser.denoise(frame, windowOf(2));
    const { color, report } = await denoiser.denoise(frame, { ...windowOf(2), lambda: 3 });
    expect(report.features).toMatchObject({ hits: 4, misses: 0 });
    const uncached = await Denoiser.load({ modelsDirectory: TINY_MODELS, threads: 2, featureCacheBytes: 0 });
    const fresh = await uncached.denoise(frame, { ...windowOf(2), lambda: 3 });
    await uncached.close();
    expect(fresh.report.features).toMatchObject({ hits: 0, misses: 6, bytes: 0 });
    expect(color.data).toEqual(fresh.color.data);
  });

  it('takes frames that stand in their window more than once', async () => {
    const frame = frameOf(width, height, 60);
    const other = {
      offset: 2,
      frame: frameOf(width, height, 61),
      key: 'another',
      motion: raster(width, height, 2),
    };
    const held = [-1, 1].map((offset) => ({ ...other, offset, frame, key: 'held' }));
    const request = { key: 'held', neighbors: [...held, other] };
    const first = await denoiser.denoise(frame, request);
    const again = await denoiser.denoise(frame, request);
    expect(again.report.features).toMatchObject({ misses: 0 });
    const alone = await denoiser.denoise(frame, {
      neighbors: request.neighbors.map(({ key, ...rest }) => rest),
    });
    for (const { color } of [again, alone]) expect(color.data).toEqual(first.color.data);
  });

  it('shares features between single frames and windows, and tells apart how frames are read', async () => {
    const frame = frameOf(width, height, 40);
    const key = 'a frame of its own';
    const first = await denoiser.denoise(frame, { key });
    const again = await denoiser.denoise(frame, { key });
    expect(again.report.features).toMatchObject({ hits: 1, misses: 0 });
    expect(again.color.data).toEqual(first.color.data);
    const others = await Promise.all([
      denoiser.denoise(frame, { key, irradiance: true }),
      denoiser.denoise({ ...frame, source: 'mitsuba' }, { key }),
      denoiser.denoise(frameOf(32, 16), { key }),
    ]);
    for (const { report } of others) expect(report.features).toMatchObject({ hits: 0, misses: 1 });
    const plain = await denoiser.denoise(frame);
    expect(plain.report.features).toBeUndefined();
    const errors = plain.color.data.map((value, i) => Math.abs(value - (first.color.data[i] as number)));
    expect(errors.reduce((a, b) => Math.max(a, b))).toBeLessThan(1e-5);
  });

  it('keeps nothing of a request that was cancelled', async () => {
    const controller = new AbortController();
    const cancelled = denoiser.denoise(frameOf(width, height, 50), {
      ...{ key: 'cancelled', signal: controller.signal },
      onProgress: () => controller.abort(),
    });
    await expect(cancelled).rejects.toMatchObject({ code: 'cancelled' });
    const { report } = await denoiser.denoise(frameOf(width, height, 50), { key: 'cancelled' });
    expect(report.features).toMatchObject({ hits: 0, misses: 1 });
  });
});
