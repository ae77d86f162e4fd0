import { plane, type Raster } from '../../image/raster.js';
import type { Frame } from '../frame.js';

/** Guides of a frame and of those next to it, see `motionGuide`. */
export interface MotionGuides {
  readonly center: Raster;
  readonly previous?: Raster;
  readonly next?: Raster;
}

/** Another reading of motion vectors that fits the pictures better than the given one. */
export interface LikelierConvention {
  /** What would have to be different, e.g. `the opposite sign`; several where the pictures do not tell them apart. */
  readonly names: readonly string[];
  /** Mean absolute differences of the guides after warping by the vectors as they are, and by the first of the names. */
  readonly given: number;
  readonly likelier: number;
}

type Offsets = Pick<Frame, 'motionToPrevious' | 'motionToNext'>;

interface Hypothesis {
  readonly name: string;
  /** Factors of x and y. */
  readonly factors: (width: number, height: number) => readonly [number, number];
  /** Whether previous and next change places. */
  readonly swapped?: boolean;
}

const HYPOTHESES: readonly Hypothesis[] = [
  { name: 'the opposite sign', factors: () => [-1, -1] },
  { name: 'y in the other direction', factors: () => [1, -1] },
  { name: 'x in the other direction', factors: () => [-1, 1] },
  { name: 'previous and next swapped', factors: () => [1, 1], swapped: true },
  { name: "units of the picture's size", factors: (width, height) => [width, height] },
  { name: "units of the picture's size and y up", factors: (width, height) => [width, -height] },
  { name: "units of half the picture's size", factors: (width, height) => [width / 2, height / 2] },
  { name: "units of half the picture's size and y up", factors: (width, height) => [width / 2, -height / 2] },
];

/** Pixels that are looked at, at most. */
const SAMPLES = 2 ** 14;
/** Fewer pixels at which two readings differ tell nothing. */
const LEAST_SAMPLES = 256;
/** Offsets that differ by less than this, in pixels, are the same. */
const SAME = 0.5;
/** A reading is better that has less than this share of the difference, by so many standard errors. */
const BETTER = 0.9;
const STANDARD_ERRORS = 8;
/** Readings with differences this close to the best are told with it. */
const ALIKE = 1.05;

/**
 * Looks for a usual mistake in the convention of motion vectors: each reading of them warps the guides of the frames next to
 * the centre; the one that is wrong leaves larger differences. Only pixels at which the readings differ count, and that
 * both find inside of the picture.
 * @returns undefined unless another reading is clearly better than the given one.
 */
export function likelierConvention(guides: MotionGuides, offsets: Offsets): LikelierConvention | undefined {
  const found = HYPOTHESES.flatMap((hypothesis) => compare(guides, offsets, hypothesis) ?? []).sort(
    (a, b) => a.likelier / a.given - b.likelier / b.given,
  );
  const [best] = found;
  if (best === undefined) return undefined;
  const share = (best.likelier / best.given) * ALIKE;
  const alike = found.filter(({ likelier, given }) => likelier / given <= share);
  return { names: alike.map(({ name }) => name), given: best.given, likelier: best.likelier };
}

/** How much better a reading is, if it is. */
function compare(
  { center, previous, next }: MotionGuides,
  { motionToPrevious, motionToNext }: Offsets,
  { name, factors, swapped = false }: Hypothesis,
): { name: string; given: number; likelier: number } | undefined {
  const { width, height } = center;
  const [factorX, factorY] = factors(width, height);
  const step = Math.max(1, Math.ceil(Math.sqrt((width * height) / SAMPLES)));
  let [inside, count, given, likelier, squares] = [0, 0, 0, 0, 0];
  for (const [other, own, opposite] of [
    [previous, motionToPrevious, motionToNext],
    [next, motionToNext, motionToPrevious],
  ] as const) {
    const read = swapped ? opposite : own;
    if (other === undefined || own === undefined || read === undefined) continue;
    const [ownX, ownY, readX, readY] = [plane(own, 0), plane(own, 1), plane(read, 0), plane(read, 1)];
    for (let y = step >> 1; y < height; y += step) {
      for (let x = step >> 1; x < width; x += step) {
        const i = y * width + x;
        const [x0, y0] = [ownX[i] as number, ownY[i] as number];
        const [x1, y1] = [factorX * (readX[i] as number), factorY * (readY[i] as number)];
        if (!(Math.abs(x1 - x0) > SAME || Math.abs(y1 - y0) > SAME)) continue;
        const before = difference(center, other, i, x + x0, y + y0);
        if (before === undefined) continue;
        inside++;
        const after = difference(center, other, i, x + x1, y + y1);
        if (after === undefined) continue;
        count++;
        given += before;
        likelier += after;
        squares += (before - after) ** 2;
      }
    }
  }
  // A reading that takes most pixels out of the picture explains nothing.
  if (count < LEAST_SAMPLES || count < inside / 2 || !(likelier < BETTER * given)) return undefined;
  const mean = (given - likelier) / count;
  const deviation = Math.sqrt(Math.max(0, squares / count - mean * mean));
  if (mean * Math.sqrt(count) < STANDARD_ERRORS * deviation) return undefined;
  return { name, given: given / count, likelier: likelier / count };
}

/** Mean absolute difference over the channels; undefined outside of the picture. */
function difference(center: Raster, other: Raster, i: number, x: number, y: number): number | undefined {
  const { width, height, channels } = other;
  if (!(x >= 0 && x <= width - 1 && y >= 0 && y <= height - 1)) return undefined;
  const [x0, y0] = [Math.floor(x), Math.floor(y)];
  const [fx, fy] = [x - x0, y - y0];
  const right = x0 + 1 < width ? 1 : 0;
  const down = y0 + 1 < height ? width : 0;
  const pixels = width * height;
  let sum = 0;
  for (let c = 0; c < channels; c++) {
    const at = c * pixels + y0 * width + x0;
    const { data } = other;
    const top = (1 - fx) * (data[at] as number) + fx * (data[at + right] as number);
    const bottom = (1 - fx) * (data[at + down] as number) + fx * (data[at + down + right] as number);
    sum += Math.abs((1 - fy) * top + fy * bottom - (center.data[c * pixels + i] as number));
  }
  return sum / channels;
}
