import { expected, QuietframeError } from '../../errors.js';
import { plane, type Raster, raster } from '../../image/raster.js';
import type { MotionConvention } from '../layers/render-source.js';

/**
 * Where the content of a pixel is in the frames next to its own: offsets in pixels, y down, 2 channels. The content of
 * pixel p is at p + offset(p) in the other frame; NaN where it is not known. Layers may hold one direction alone.
 */
export interface Motion {
  readonly toPrevious?: Raster;
  readonly toNext?: Raster;
}

/** Channels that hold a direction, and the sign of their vectors. */
interface Direction {
  readonly first: 0 | 2;
  readonly sign: 1 | -1;
}

interface Directions {
  readonly previous?: Direction;
  readonly next?: Direction;
}

const DIRECTIONS: Readonly<Record<string, Directions>> = {
  cycles: { previous: { first: 0, sign: 1 }, next: { first: 2, sign: -1 } },
  'to-previous': { previous: { first: 0, sign: 1 } },
  'from-previous': { previous: { first: 0, sign: -1 } },
  'to-next': { next: { first: 0, sign: 1 } },
  'from-next': { next: { first: 0, sign: -1 } },
  'to-both': { previous: { first: 0, sign: 1 }, next: { first: 2, sign: 1 } },
};
const CONVENTION =
  /^(cycles|none|(?:to|from)-(?:previous|next)(?:,y-up)?(?:,relative)?|to-both(?:,y-up)?(?:,relative)?)$/;

/** Offsets beyond this, in pixels, are what renderers write where they know none. */
const LONGEST = 65_536;

/**
 * The convention that a request names; `none` reads no vectors.
 * @throws QuietframeError `invalid-argument`.
 */
export function namedMotion(text: string): MotionConvention {
  if (text === 'none') return 'unknown';
  if (CONVENTION.test(text)) return text as MotionConvention;
  const range = `auto, none, cycles, or one of ${Object.keys(DIRECTIONS).slice(1).join(', ')}, with y-up and relative after commas,`;
  throw new QuietframeError('invalid-argument', expected(range, 'motion', text), { parameter: 'motion' });
}

/**
 * Motion from the samples of a renderer's layer; undefined where its convention is not known, or the layer has too few
 * channels for it. Offsets that are not finite, or longer than 65536 pixels, become NaN.
 */
export function motionFromLayer(layer: Raster, convention: MotionConvention): Motion | undefined {
  const [name = '', ...units] = convention.split(',');
  const down = name === 'cycles' || units.includes('y-up') ? -1 : 1;
  const [perX, perY] = units.includes('relative') ? [layer.width, layer.height] : [1, 1];
  const read = (direction: Direction | undefined): Raster | undefined => {
    if (direction === undefined || layer.channels < direction.first + 2) return undefined;
    return offsets(layer, direction.first, direction.sign * perX, direction.sign * down * perY);
  };
  const { previous, next } = DIRECTIONS[name] ?? {};
  const [toPrevious, toNext] = [read(previous), read(next)];
  if (toPrevious === undefined && toNext === undefined) return undefined;
  return { ...(toPrevious && { toPrevious }), ...(toNext && { toNext }) };
}

/** Number of pixels whose offset is not known. */
export function unknownOffsets({ data }: Raster): number {
  let count = 0;
  for (let i = 0; i < data.length / 2; i++) if (Number.isNaN(data[i])) count++;
  return count;
}

/**
 * Follows a motion one frame further: p + total(p) + step(p + total(p)) - p. The step is sampled bilinearly between pixel
 * centres, with the border repeated outside; NaN where either is.
 */
export function chainMotion(total: Raster, step: Raster): Raster {
  const { width, height } = total;
  const chained = raster(width, height, 2);
  const [right, down] = [plane(total, 0), plane(total, 1)];
  const [stepRight, stepDown] = [plane(step, 0), plane(step, 1)];
  const [toX, toY] = [plane(chained, 0), plane(chained, 1)];
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++, i++) {
      const atX = within(x + (right[i] as number), width - 1);
      const atY = within(y + (down[i] as number), height - 1);
      if (!(atX >= 0 && atY >= 0)) {
        toX[i] = toY[i] = Number.NaN;
        continue;
      }
      const x0 = atX | 0;
      const y0 = atY | 0;
      const fx = atX - x0;
      const fy = atY - y0;
      const at = y0 * width + x0;
      // Neighbors without a share are not looked at: they may be NaN, or outside.
      const beside = fx > 0 ? 1 : 0;
      const below = fy > 0 ? width : 0;
      toX[i] = (right[i] as number) + mix(stepRight, at, beside, below, fx, fy);
      toY[i] = (down[i] as number) + mix(stepDown, at, beside, below, fx, fy);
    }
  }
  return chained;
}

/** NaN stays NaN. */
function within(place: number, last: number): number {
  return place < 0 ? 0 : place > last ? last : place;
}

function mix(
  values: Float32Array,
  at: number,
  beside: number,
  below: number,
  fx: number,
  fy: number,
): number {
  const top = (1 - fx) * (values[at] as number) + fx * (values[at + beside] as number);
  const bottom = (1 - fx) * (values[at + below] as number) + fx * (values[at + below + beside] as number);
  return (1 - fy) * top + fy * bottom;
}

/** Two channels from `first` on, times the factors of x and y. */
function offsets(layer: Raster, first: number, factorX: number, factorY: number): Raster {
  const result = raster(layer.width, layer.height, 2);
  const [fromX, fromY] = [plane(layer, first), plane(layer, first + 1)];
  const [x, y] = [plane(result, 0), plane(result, 1)];
  for (let i = 0; i < x.length; i++) {
    const [right, down] = [factorX * (fromX[i] as number), factorY * (fromY[i] as number)];
    const isKnown = Math.abs(right) <= LONGEST && Math.abs(down) <= LONGEST;
    x[i] = isKnown ? right : Number.NaN;
    y[i] = isKnown ? down : Number.NaN;
  }
  return result;
}
