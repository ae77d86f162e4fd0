import { QuietframeError } from '../../errors.js';
import type { ExrPool } from '../../exr/pool.js';
import { readAlpha } from '../../files/denoise-file/read-alpha.js';
import { readBeauty } from '../../files/window/read-planned.js';
import { buildFrame } from '../../frame/build-frame.js';
import type { ResolveOptions } from '../../frame/layers/resolve-layers.js';
import { type Raster, raster } from '../../image/raster.js';
import { displayExposure } from '../../image/tonemap.js';
import { digestOf } from '../../io/sha256.js';
import { encodePng } from '../../server/thread/encode-png.js';
import { VERSION } from '../../version.js';
import { pngText, withPngText } from './png-text.js';
import type { ResultPictures, Sequence } from './run-sequence.js';
import type { ShotSources } from './shot-sources.js';

const KEYWORD = 'quietframe';
/** Means of so many pixels squared: the logarithm of single noisy pixels is too low. */
const BLOCK = 8;

/**
 * The frames of a shot as PNG pictures for a screen. All have one exposure, from the shot's first frame that can be read: with
 * separate ones, a shot would flicker. Each carries a digest of its request, so that a shot can be resumed.
 */
export class ShotPictures implements ResultPictures {
  private constructor(
    private readonly shot: Sequence,
    private readonly pool: ExrPool,
    /** Factor of the color. */
    readonly exposure: number,
    private readonly request: string,
  ) {}

  static async open(shot: Sequence, sources: ShotSources, pool: ExrPool): Promise<ShotPictures> {
    const exposure = await exposureOf(shot, sources, pool);
    const { lambdaMap, signal: _, onProgress: __, ...options } = shot.request;
    const asked = {
      version: VERSION,
      exposure: exposure.toPrecision(6),
      files: [...(shot.aovFiles?.keys() ?? [])],
      ...options,
      ...(lambdaMap && { lambdaMap: await digestOf(lambdaMap) }),
    };
    return new ShotPictures(shot, pool, exposure, await digestOf(Buffer.from(JSON.stringify(asked))));
  }

  async encode(exr: Uint8Array, frames: number, signal: AbortSignal): Promise<Uint8Array> {
    const { pool, exposure, shot } = this;
    const options = resolveOptions(shot);
    const [{ frame }, alpha] = await Promise.all([
      readBeauty(pool.open(exr), pool, options).then((read) => buildFrame(read)),
      readAlpha(exr, pool, options, signal),
    ]);
    const png = await encodePng({ color: frame.color, ...(alpha && { alpha }), exposure }, signal);
    return withPngText(png, KEYWORD, `${this.request} ${frames}`);
  }

  framesOf(png: Uint8Array): number | undefined {
    const [request, frames] = pngText(png, KEYWORD)?.split(' ') ?? [];
    return request === this.request ? Number(frames) : undefined;
  }
}

/** What says which layers of a denoised file are its color and its alpha: others may have come in files of their own. */
function resolveOptions({ request: { source, view, layers } }: Sequence): ResolveOptions {
  return {
    ...(source !== undefined && { source }),
    ...(view !== undefined && { view }),
    ...(layers?.color !== undefined && { layers: { color: layers.color } }),
  };
}

async function exposureOf(shot: Sequence, sources: ShotSources, pool: ExrPool): Promise<number> {
  for (const frame of shot.frames) {
    try {
      const noisy = await readBeauty(await sources.read(frame), pool, resolveOptions(shot));
      return displayExposure(blockMeans(buildFrame(noisy).frame.color));
    } catch (error) {
      // Damaged frames are named when their turn comes.
      if (!(error instanceof QuietframeError)) throw error;
    }
  }
  return 1;
}

/** Means of finite pixels in blocks: (h, w, c) -> (ceil(h / 8), ceil(w / 8), c). */
function blockMeans({ width, height, channels, data }: Raster): Raster {
  const [columns, rows] = [Math.ceil(width / BLOCK), Math.ceil(height / BLOCK)];
  const means = raster(columns, rows, channels);
  const counts = new Float32Array(means.data.length);
  for (let i = 0; i < data.length; i++) {
    const value = data[i] as number;
    if (!Number.isFinite(value)) continue;
    const [x, y, c] = [i % width, Math.floor(i / width) % height, Math.floor(i / (width * height))];
    const block = (c * rows + Math.floor(y / BLOCK)) * columns + Math.floor(x / BLOCK);
    means.data[block] = (means.data[block] as number) + value;
    counts[block] = (counts[block] as number) + 1;
  }
  for (let i = 0; i < counts.length; i++) {
    means.data[i] = (means.data[i] as number) / Math.max(1, counts[i] as number);
  }
  return means;
}
