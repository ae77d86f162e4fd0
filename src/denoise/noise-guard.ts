import { type Raster, raster } from '../image/raster.js';
import { grow, type Tile } from '../image/tile.js';

/** Pixels on a side of the blocks that changes and variances are averaged in. */
const BLOCK = 4;
/** A change is taken for an error of the denoiser as far as its square exceeds so many variances. */
const DOUBT = 2;
/** Added to squared exposed brightness, which both are relative to. */
const EPSILON = 1e-2;

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
 * @param area pixels whose shares are wanted; those about them within {@link GUARD_RADIUS} have to be denoised.
 * @returns one value for each block of the picture, 1 for those outside the area; undefined where all are 1.
 */
export function denoisedShare(picture: GuardedPicture, area: Tile): Raster | undefined {
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
  const means = raster(outer.width, outer.height, 2);
  for (let v = 0; v < outer.height; v++) {
    for (let u = 0; u < outer.width; u++)
      blockMeans(picture, outer.x + u, outer.y + v, means, v * outer.width + u);
  }
  const share = raster(blocks.width, blocks.height, 1);
  share.data.fill(1);
  let least = 1;
  const within = (value: number, from: number, size: number): number =>
    Math.min(Math.max(value - from, 0), size - 1);
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

/** Relative variance and relative squared change of a block, to two planes. */
function blockMeans(
  { noisy, variance, denoised, exposure }: GuardedPicture,
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
    for (let i = y * width + u * BLOCK; i < y * width + right; i++) {
      let [brightness, change] = [0, 0];
      for (let k = i; k < 3 * plane; k += plane) {
        const value = denoised.data[k] as number;
        brightness += value;
        change += ((noisy.data[k] as number) - value) ** 2;
      }
      // Relative to the square of exposed brightness: exposure^2 x / ((exposure b)^2 + e) = x / (b^2 + e / exposure^2).
      const square = (brightness / 3) ** 2 + EPSILON / exposure ** 2;
      expected += Math.max(variance.data[i] as number, 0) / square;
      actual += change / 3 / square;
    }
  }
  const pixels = (right - u * BLOCK) * (bottom - v * BLOCK);
  to.data[at] = expected / pixels;
  to.data[to.width * to.height + at] = actual / pixels;
}

/** Blends the area of a denoised layer towards the noisy one in place, by the share of {@link denoisedShare}, bilinearly. */
export function giveInputBack(noisy: Raster, denoised: Raster, share: Raster, area: Tile): void {
  const { width, height } = denoised;
  const at = (position: number, size: number): { low: number; high: number; part: number } => {
    const place = Math.min(Math.max((position + 0.5) / BLOCK - 0.5, 0), size - 1);
    const low = Math.floor(place);
    return { low, high: Math.min(low + 1, size - 1), part: place - low };
  };
  const columns = Array.from({ length: area.width }, (_, x) => at(area.x + x, share.width));
  for (let y = area.y; y < area.y + area.height; y++) {
    const rows = at(y, share.height);
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

function mix(a: number, b: number, part: number): number {
  return a + part * (b - a);
}
