import { type Raster, raster } from '../../image/raster.js';
import { grow, type Tile } from '../../image/region.js';

/** Pixels on a side of the blocks that changes and variances are averaged in. */
const BLOCK = 4;
/** A change is taken for an error of the denoiser as far as its square exceeds so many variances. */
const DOUBT = 2;
/** Added to squared exposed brightness, which both are relative to. */
const EPSILON = 1e-2;
/** Blocks around one over which relative variances are averaged for outliers. */
const NOISE_RADIUS = 2;
/** The relative variance of an outlier is at least this many times the average of its surroundings. */
const OUTLIER_VARIANCE = 8;

/** Pixels around one that its share depends on: those of its block, of the next one, and of the one after that. */
export const GUARD_RADIUS = 3 * BLOCK - 1;

/** What a guard compares: pictures of three channels and the variance of the noisy one, of one size. */
export interface GuardedPicture {
  readonly noisy: Raster;
  readonly variance: Raster;
  readonly denoised: Raster;
  /** What light is multiplied by to be of usual brightness. */
  readonly exposure: number;
}

/**
 * How much of the denoised picture to take, in [0, 1] for blocks of 4 x 4 pixels: where it differs from the noisy one by
 * more than noise explains, the denoiser errs.
 *
 * E (c - d)^2 = variance + bias^2 for a denoised d that hardly depends on the one noisy pixel c, and the best mixture of the
 * two takes variance / E (c - d)^2 of d (James and Stein 1961). A few pixels only tell so much, so it is twice as much
 * here; squares and variances are averaged over blocks, and those over 3 x 3. As the noise vanishes, the share does.
 *
 * The difference of two halves measures the variance of a pixel with one degree of freedom: where both are bright by
 * chance, it is near zero. So a pixel that changes by more than its own brightness counts with at least eight times the
 * mean relative variance of the surrounding 20 x 20 pixels. In a noisy area one such pixel never decides; in a converged
 * one a small highlight still comes back.
 * @param area pixels whose shares are wanted; those about them within {@link GUARD_RADIUS} have to be denoised.
 * @returns one value for each block of the picture, 1 for those outside the area; undefined where all are 1.
 */
export function denoisedWeight(picture: GuardedPicture, area: Tile): Raster | undefined {
  const { width, height } = picture.denoised;
  const blocks = { width: Math.ceil(width / BLOCK), height: Math.ceil(height / BLOCK) };
  const first = { x: Math.floor(area.x / BLOCK), y: Math.floor(area.y / BLOCK) };
  const inner = grow(
    {
      ...first,
      width: Math.ceil((area.x + area.width) / BLOCK) - first.x,
      height: Math.ceil((area.y + area.height) / BLOCK) - first.y,
    },
    1, // that bilinear interpolation reads
    blocks.width,
    blocks.height,
  );
  const outer = grow(inner, 1, blocks.width, blocks.height);
  const noise = surroundingNoise(picture, grow(outer, 1, blocks.width, blocks.height), blocks);
  const means = raster(outer.width, outer.height, 2);
  for (let v = 0; v < outer.height; v++) {
    for (let u = 0; u < outer.width; u++)
      blockMeans(picture, noise, outer.x + u, outer.y + v, means, v * outer.width + u);
  }
  const share = raster(blocks.width, blocks.height, 1);
  share.data.fill(1);
  let least = 1;
  for (let v = inner.y; v < inner.y + inner.height; v++) {
    for (let u = inner.x; u < inner.x + inner.width; u++) {
      let [expected, actual] = [0, 0];
      for (let dv = -1; dv <= 1; dv++) {
        const row = within(v + dv, outer.y, outer.height) * outer.width;
        for (let du = -1; du <= 1; du++) {
          const i = row + within(u + du, outer.x, outer.width);
          expected += means.data[i] as number;
          actual += means.data[outer.width * outer.height + i] as number;
        }
      }
      const value = actual > DOUBT * expected ? (DOUBT * expected) / actual : 1;
      share.data[v * blocks.width + u] = value;
      least = Math.min(least, value);
    }
  }
  return least === 1 ? undefined : share;
}

/** Relative variances of blocks, averaged over their surroundings. */
interface SurroundingNoise {
  /** The blocks that it holds, of those of the picture. */
  readonly area: Tile;
  readonly means: Raster;
  readonly blocks: Pick<Tile, 'width' | 'height'>;
}

/** Mean of variance / squared brightness of the noisy picture, in [0, 1], over 5 x 5 blocks around each block of the area. */
function surroundingNoise(
  { noisy, variance, exposure }: GuardedPicture,
  area: Tile,
  blocks: SurroundingNoise['blocks'],
): SurroundingNoise {
  const { width, height } = noisy;
  const plane = width * height;
  const wide = grow(area, NOISE_RADIUS, blocks.width, blocks.height);
  const own = raster(wide.width, wide.height, 1);
  for (let v = 0; v < wide.height; v++) {
    for (let u = 0; u < wide.width; u++) {
      const [left, top] = [(wide.x + u) * BLOCK, (wide.y + v) * BLOCK];
      const [right, bottom] = [Math.min(left + BLOCK, width), Math.min(top + BLOCK, height)];
      let sum = 0;
      for (let y = top; y < bottom; y++) {
        for (let i = y * width + left; i < y * width + right; i++) {
          const square = squareAt(noisy, i, plane) + EPSILON / exposure ** 2;
          sum += Math.min(Math.max(variance.data[i] as number, 0) / square, 1);
        }
      }
      own.data[v * wide.width + u] = sum / ((right - left) * (bottom - top));
    }
  }
  const means = raster(area.width, area.height, 1);
  const count = (2 * NOISE_RADIUS + 1) ** 2;
  for (let v = 0; v < area.height; v++) {
    for (let u = 0; u < area.width; u++) {
      let sum = 0;
      for (let dv = -NOISE_RADIUS; dv <= NOISE_RADIUS; dv++) {
        const row = within(area.y + v + dv, wide.y, wide.height) * wide.width;
        for (let du = -NOISE_RADIUS; du <= NOISE_RADIUS; du++) {
          sum += own.data[row + within(area.x + u + du, wide.x, wide.width)] as number;
        }
      }
      means.data[v * area.width + u] = sum / count;
    }
  }
  return { area, means, blocks };
}

/** Surrounding noise of a pixel, bilinear between blocks. */
function noiseAt({ area, means, blocks }: SurroundingNoise, x: number, y: number): number {
  const [column, row] = [blockPosition(x, blocks.width), blockPosition(y, blocks.height)];
  const at = (u: number, v: number): number =>
    means.data[within(v, area.y, area.height) * area.width + within(u, area.x, area.width)] as number;
  const top = mix(at(column.low, row.low), at(column.high, row.low), column.part);
  const bottom = mix(at(column.low, row.high), at(column.high, row.high), column.part);
  return mix(top, bottom, row.part);
}

/** Mean over three channels of the squares of a pixel. */
function squareAt({ data }: Raster, pixel: number, plane: number): number {
  let sum = 0;
  for (let k = pixel; k < 3 * plane; k += plane) sum += (data[k] as number) ** 2;
  return sum / 3;
}

/** Relative variance and relative squared change of a block, to two planes. */
function blockMeans(
  { noisy, variance, denoised, exposure }: GuardedPicture,
  noise: SurroundingNoise,
  u: number,
  v: number,
  to: Raster,
  at: number,
): void {
  const { width, height } = denoised;
  const plane = width * height;
  const [right, bottom] = [Math.min((u + 1) * BLOCK, width), Math.min((v + 1) * BLOCK, height)];
  let [expected, actual] = [0, 0];
  for (let y = v * BLOCK; y < bottom; y++) {
    for (let x = u * BLOCK; x < right; x++) {
      const i = y * width + x;
      let [brightness, change] = [0, 0];
      for (let k = i; k < 3 * plane; k += plane) {
        const value = denoised.data[k] as number;
        brightness += value;
        change += ((noisy.data[k] as number) - value) ** 2 / 3;
      }
      // Relative to the square of exposed brightness: exposure^2 x / ((exposure b)^2 + e) = x / (b^2 + e / exposure^2).
      const square = (brightness / 3) ** 2 + EPSILON / exposure ** 2;
      let own = Math.max(variance.data[i] as number, 0);
      if (change > square) {
        const relative = Math.min(OUTLIER_VARIANCE * noiseAt(noise, x, y), 1);
        own = Math.max(own, relative * squareAt(noisy, i, plane));
      }
      expected += own / square;
      actual += change / square;
    }
  }
  const pixels = (right - u * BLOCK) * (bottom - v * BLOCK);
  to.data[at] = expected / pixels;
  to.data[to.width * to.height + at] = actual / pixels;
}

/** Blends the area of a denoised layer towards the noisy one in place, by the share of {@link denoisedWeight}, bilinearly. */
export function blendTowardsInput(noisy: Raster, denoised: Raster, share: Raster, area: Tile): void {
  const { width, height } = denoised;
  const columns = Array.from({ length: area.width }, (_, x) => blockPosition(area.x + x, share.width));
  for (let y = area.y; y < area.y + area.height; y++) {
    const rows = blockPosition(y, share.height);
    const [upper, lower] = [rows.low * share.width, rows.high * share.width];
    for (let x = 0; x < area.width; x++) {
      const { low, high, part } = columns[x] as (typeof columns)[number];
      const top = mix(share.data[upper + low] as number, share.data[upper + high] as number, part);
      const bottom = mix(share.data[lower + low] as number, share.data[lower + high] as number, part);
      const value = mix(top, bottom, rows.part);
      if (value === 1) continue;
      for (let i = y * width + area.x + x; i < denoised.data.length; i += width * height) {
        denoised.data[i] = mix(noisy.data[i] as number, denoised.data[i] as number, value);
      }
    }
  }
}

/** The two blocks, of so many, that a pixel lies between, and how far it is from the first to the second. */
function blockPosition(pixel: number, size: number): { low: number; high: number; part: number } {
  const place = Math.min(Math.max((pixel + 0.5) / BLOCK - 0.5, 0), size - 1);
  const low = Math.floor(place);
  return { low, high: Math.min(low + 1, size - 1), part: place - low };
}

/** Index of a block within those of an area, the nearest one for blocks beside it. */
function within(block: number, from: number, size: number): number {
  return Math.min(Math.max(block - from, 0), size - 1);
}

function mix(a: number, b: number, part: number): number {
  return a + part * (b - a);
}
