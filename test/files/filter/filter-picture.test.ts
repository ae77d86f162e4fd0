import { fileURLToPath } from 'node:url';
import { PNG } from 'pngjs';
import { afterAll, describe, expect, it } from 'vitest';
import { readExr } from '../../../src/exr/read-exr.js';
import { writeExr } from '../../../src/exr/write-exr.js';
import { FILTER_NAMES, type FilterName } from '../../../src/files/filter/filter-options.js';
import { PictureFilter } from '../../../src/files/filter/filter-picture.js';
import { decodePng, encodePicture } from '../../../src/files/filter/png-picture.js';
import { type Raster, raster } from '../../../src/image/raster.js';
import { exrFile } from '../../support/exr-files.js';
import { randomNumbers, scatter } from '../../support/random.js';

const filter = await PictureFilter.open(fileURLToPath(new URL('../../../models', import.meta.url)));
afterAll(() => filter.close());

const [WIDTH, HEIGHT] = [61, 300];

/** Soft stripes and an edge, in color, with noise of a standard deviation. */
function photograph(sigma: number): Raster {
  const picture = raster(WIDTH, HEIGHT, 3);
  const random = randomNumbers(1);
  for (let i = 0; i < picture.data.length; i++) {
    const [x, y] = [i % WIDTH, Math.floor(i / WIDTH) % HEIGHT];
    const clean = 0.5 + 0.15 * Math.sin(y / 9) + (x > 30 ? 0.15 : -0.15);
    const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
    picture.data[i] = Math.min(1, Math.max(0, clean + sigma * normal));
  }
  return picture;
}

function squaredError(a: Raster, b: Raster): number {
  return a.data.reduce((sum, value, i) => sum + (value - (b.data[i] as number)) ** 2, 0) / a.data.length;
}

const [clean, noisy] = [photograph(0), photograph(0.08)];
const png = (color: Raster, bits: 8 | 16 = 8, alpha?: Raster): Uint8Array =>
  encodePicture({ color, bits, ...(alpha && { alpha }) });

describe('filtering a PNG', () => {
  it.each(['nlm', 'bilateral', 'gaussian'] as const)(
    'takes noise out with %s, less with one set',
    async (name) => {
      const run = async (global: boolean): Promise<number> => {
        const { bytes, type, report } = await filter.filter({ picture: png(noisy), with: name, global });
        expect([type, report.width, report.height]).toEqual(['png', WIDTH, HEIGHT]);
        expect(report.sigma).toBeGreaterThan(0.06);
        expect(report.sigma).toBeLessThan(0.1);
        return squaredError(decodePng(bytes).color, clean);
      };
      const [predicted, global] = [await run(false), await run(true)];
      expect(predicted).toBeLessThan(squaredError(noisy, clean) / 3);
      expect(predicted).toBeLessThan(global);
    },
  );

  it('keeps 16 bits, and transparency as it is', async () => {
    const alpha = raster(WIDTH, HEIGHT, 1);
    for (let i = 0; i < alpha.data.length; i++) alpha.data[i] = (i % 256) / 255;
    const { bytes } = await filter.filter({ picture: png(noisy, 16, alpha), with: 'nlm' });
    const result = decodePng(bytes);
    expect([result.bits, bytes[24], bytes[25]]).toEqual([16, 16, 6]);
    for (const [i, value] of result.alpha?.data.entries() ?? [])
      expect(value).toBeCloseTo(alpha.data[i] ?? 0, 4);
    // Steps finer than those of 8 bits.
    expect(new Set(result.color.data.map((value) => Math.round(65535 * value) % 257)).size).toBeGreaterThan(
      50,
    );
    const eight = await filter.filter({ picture: png(noisy), with: 'nlm' });
    expect([eight.bytes[24], eight.bytes[25]]).toEqual([8, 2]);
  });

  it('sharpens with deblur and magnifies with upscale', async () => {
    const blurred = decodePng(
      (await filter.filter({ picture: png(clean), with: 'gaussian', sigma: 0.2 })).bytes,
    );
    const sharp = await filter.filter({ picture: png(blurred.color), with: 'deblur', blur: 1.5 });
    const slope = (image: Raster): number =>
      (image.data[150 * WIDTH + 31] ?? 0) - (image.data[150 * WIDTH + 30] ?? 0);
    expect(slope(decodePng(sharp.bytes).color)).toBeGreaterThan(1.2 * slope(blurred.color));
    expect(sharp.report.blur).toBe(1.5);
    const large = await filter.filter({ picture: png(noisy), with: 'upscale', factor: 1.5 });
    expect([large.report.width, large.report.height]).toEqual([92, 450]);
    const half = await filter.filter({ picture: png(noisy), with: 'upscale' });
    expect(half.report.width).toBe(2 * WIDTH);
  });

  it('stops when nobody waits for the result, and answers the next request', async () => {
    const controller = new AbortController();
    const running = filter.filter({ picture: png(noisy), with: 'nlm', signal: controller.signal });
    controller.abort();
    await expect(running).rejects.toMatchObject({ code: 'cancelled' });
    expect((await filter.filter({ picture: png(noisy), with: 'gaussian' })).report.width).toBe(WIDTH);
  });

  it('does nothing at strength 0', async () => {
    for (const name of ['nlm', 'bilateral', 'deblur'] as const) {
      const { bytes } = await filter.filter({ picture: png(noisy, 16), with: name, strength: 0 });
      expect(squaredError(decodePng(bytes).color, noisy), name).toBeLessThan(1e-9);
    }
  });

  it.each(FILTER_NAMES)('takes the parameters of %s that it has written', async (name) => {
    const first = await filter.filter({ picture: png(noisy), with: name, strength: 0.8 });
    const again = await filter.filter({ picture: png(noisy), with: name, parameters: first.parameters });
    expect(again.bytes).toEqual(first.bytes);
    const [part] = readExr(first.parameters).parts;
    expect([part?.dataWindow.xMax, part?.dataWindow.yMax]).toEqual([30, 149]);
    expect([...(part?.planes.keys() ?? [])].every((channel) => channel.startsWith('parameters.'))).toBe(true);
  });

  it('takes a map of an earlier version, without a sharpness', async () => {
    const { parameters } = await filter.filter({ picture: png(noisy), with: 'upscale' });
    const image = readExr(parameters);
    const planes = new Map(image.parts[0]?.planes);
    planes.get('parameters.rbf-upsample.sharpness')?.data.fill(0);
    const without = writeExr(image);
    planes.delete('parameters.rbf-upsample.sharpness');
    const [part] = image.parts;
    const earlier = writeExr({ ...image, parts: part ? [{ ...part, planes }] : [] });
    const picture = png(noisy);
    expect((await filter.filter({ picture, with: 'upscale', parameters: earlier })).bytes).toEqual(
      (await filter.filter({ picture, with: 'upscale', parameters: without })).bytes,
    );
  });

  it('does what an edited map says: nothing where it is 0', async () => {
    const { parameters } = await filter.filter({ picture: png(noisy), with: 'nlm' });
    const image = readExr(parameters);
    const data = image.parts[0]?.planes.get('parameters.non-local-means.multiplier')?.data ?? [];
    // The upper third; the map has half of the rows.
    if (data instanceof Float32Array) data.fill(0, 0, 31 * 50);
    const { bytes } = await filter.filter({
      picture: png(noisy, 16),
      with: 'nlm',
      parameters: writeExr(image),
    });
    const { color } = decodePng(bytes);
    const change = (row: number): number =>
      Math.abs((color.data[row * WIDTH + 20] ?? 0) - (noisy.data[row * WIDTH + 20] ?? 0));
    expect(change(40)).toBeLessThan(1e-4);
    expect([200, 210, 220, 230].some((row) => change(row) > 0.01)).toBe(true);
  });

  it.each([
    ['a damaged PNG', png(noisy).slice(0, 200), 'a whole PNG'],
    ['a part of a header', png(noisy).slice(0, 20), 'a PNG'],
    ['an interlaced PNG', withByte(png(noisy), 28, 1), 'rows from top to bottom'],
    ['a bomb', withByte(png(noisy), 16, 0x40), 'at most'],
    ['another file', new TextEncoder().encode('GIF89a, which is long enough to be a picture'), 'OpenEXR'],
  ])('refuses %s', async (_, picture, message) => {
    await expect(filter.filter({ picture, with: 'nlm' })).rejects.toMatchObject({
      message: expect.stringContaining(message),
      details: expect.objectContaining({ frame: 'picture' }),
    });
  });

  it.each([
    [{ with: 'nlm', blur: 1 }, 'blur'],
    [{ with: 'nlm', factor: 2 }, 'factor'],
    [{ with: 'deblur', blur: 9 }, 'blur'],
    [{ with: 'upscale', factor: 9 }, 'factor'],
    [{ with: 'nlm', sigma: 0 }, 'sigma'],
    [{ with: 'nlm', strength: 5 }, 'strength'],
  ] as const)('refuses %j', async (options, parameter) => {
    await expect(filter.filter({ picture: png(noisy), ...options })).rejects.toMatchObject({
      code: 'invalid-argument',
      details: { parameter },
    });
  });

  it('refuses maps of other filters, sizes and ranges', async () => {
    const { parameters } = await filter.filter({ picture: png(noisy), with: 'nlm' });
    const use = (options: {
      with?: FilterName;
      picture?: Uint8Array;
      parameters?: Uint8Array;
      global?: boolean;
    }) => filter.filter({ picture: png(noisy), with: 'nlm', parameters, ...options });
    await expect(use({ with: 'bilateral' })).rejects.toMatchObject({ code: 'missing-layer' });
    const small = raster(10, 10, 3);
    await expect(use({ picture: png(small) })).rejects.toMatchObject({ code: 'invalid-argument' });
    await expect(use({ global: true })).rejects.toMatchObject({ code: 'invalid-argument' });
    const image = readExr(parameters);
    image.parts[0]?.planes.get('parameters.non-local-means.multiplier')?.data.fill(5);
    await expect(use({ parameters: writeExr(image) })).rejects.toMatchObject({
      message: expect.stringContaining('[0, 4]'),
    });
  });
});

describe('filtering an OpenEXR file', () => {
  const window = { xMin: 3, yMin: -2, xMax: 50, yMax: 29 };
  const value = (channel: string, i: number): number => {
    const noise = scatter((i + 1) * 12.9898 + channel.charCodeAt(0) * 7);
    return channel.endsWith('A') ? 1 : 8 * (0.5 + 0.4 * (noise - 0.5));
  };
  const picture = exrFile([{ window, layers: ['RGBA', 'albedo.RGB'] }], value);

  it('replaces the color, in its own units, and nothing else', async () => {
    const { bytes, type } = await filter.filter({ picture, with: 'nlm' });
    expect(type).toBe('exr');
    const [before, after] = [readExr(picture).parts[0], readExr(bytes).parts[0]];
    expect(after?.dataWindow).toEqual(window);
    expect(after?.planes.get('albedo.G')).toEqual(before?.planes.get('albedo.G'));
    expect(after?.planes.get('A')).toEqual(before?.planes.get('A'));
    const spread = (data: ArrayLike<number> = []): number => {
      const mean = Array.from(data).reduce((sum, each) => sum + each, 0) / data.length;
      return Array.from(data).reduce((sum, each) => sum + (each - mean) ** 2, 0) / data.length;
    };
    expect(spread(after?.planes.get('R')?.data)).toBeLessThan(spread(before?.planes.get('R')?.data) / 2);
  });

  it('magnifies color and alpha', async () => {
    const { bytes } = await filter.filter({ picture, with: 'upscale', factor: 2 });
    const [part] = readExr(bytes).parts;
    expect([...(part?.planes.keys() ?? [])]).toEqual(['A', 'B', 'G', 'R']);
    expect([part?.dataWindow.xMax, part?.dataWindow.yMax]).toEqual([95, 63]);
    expect(part?.planes.get('A')?.data.every((alpha) => Math.abs(alpha - 1) < 1e-5)).toBe(true);
  });

  it('refuses what is not a number', async () => {
    const broken = exrFile([{ window, layers: ['RGB'] }], (channel, i) =>
      i === 5 ? Number.NaN : value(channel, i),
    );
    await expect(filter.filter({ picture: broken, with: 'nlm' })).rejects.toMatchObject({
      code: 'invalid-argument',
    });
  });
});

it('reads grey and paletted PNGs', () => {
  const grey = new PNG({ width: 2, height: 1 });
  grey.data = Buffer.from([10, 10, 10, 255, 200, 200, 200, 255]);
  const { color, alpha } = decodePng(new Uint8Array(PNG.sync.write(grey, { colorType: 0 })));
  expect(Array.from(color.data, (each) => Math.round(255 * each))).toEqual([10, 200, 10, 200, 10, 200]);
  expect(alpha).toBeUndefined();
});

function withByte(bytes: Uint8Array, at: number, value: number): Uint8Array {
  const copy = bytes.slice();
  copy[at] = value;
  return copy;
}
