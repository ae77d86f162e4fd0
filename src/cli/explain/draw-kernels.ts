import { PNG } from 'pngjs';
import type { KernelsReport, LevelReport } from '../../files/denoise-file/debug-channels.js';
import { drawLabel, LABEL_HEIGHT, labelWidth } from '../../image/label.js';
import type { Raster } from '../../image/raster.js';
import { displayExposure, toDisplay } from '../../image/tonemap.js';

/** Pixels on a side of a tap, and between drawings. */
const TAP = 8;
const GAP = 12;
const LINE = LABEL_HEIGHT + 6;
/** Lines of text above the drawings of a level, and above those of another frame. */
const LEVEL_LINES = 3;
const FRAME_LINES = 2;
/** Pixels on a side of a tap in another frame, whose kernels are small. */
const FRAME_TAP = 14;

type Color = readonly [number, number, number];
const BACKGROUND: Color = [24, 24, 28];
const TEXT: Color = [230, 230, 230];
const MARK: Color = [255, 160, 0];

/**
 * Kernels of pixels as a PNG. Each pixel has a row of levels, the finest at the left: the noisy pixels that the kernel reads,
 * tone-mapped, and beside them the kernel, white for its largest weight, with the square root of the others. Below are the kernels
 * in the other frames of a window. The frame around a tap is the pixel itself.
 * @param noisy color of the file, 3 channels.
 */
export function drawKernels(kernels: readonly KernelsReport[], noisy: Raster): Uint8Array {
  const levels = Math.max(...kernels.map((pixel) => pixel.levels.length));
  const pyramid = [noisy];
  for (let l = 1; l < levels; l++) pyramid.push(half(pyramid[l - 1] as Raster));
  const exposure = displayExposure(noisy);
  const size = kernels[0]?.levels[0]?.kernel.size ?? 1;
  const column = Math.max(2 * TAP * size + GAP, labelWidth('frame -3 share 0.123') + 5 * FRAME_TAP) + 2 * GAP;
  const rows = kernels.map(rowHeight);
  const sheet = new Sheet(
    levels * column + GAP,
    rows.reduce((sum, height) => sum + height, GAP),
  );
  let top = GAP;
  for (const [i, pixel] of kernels.entries()) {
    for (const [l, level] of pixel.levels.entries()) {
      drawLevel(sheet, GAP + l * column, top, level, l, (x, y) =>
        shown(pyramid[l] as Raster, x, y, exposure),
      );
    }
    top += rows[i] as number;
  }
  return sheet.encode();
}

function rowHeight({ levels }: KernelsReport): number {
  const heights = levels.map(({ kernel, fusion }) => {
    const frames = (fusion?.frames ?? []).map(frameHeight);
    return frames.reduce((sum, height) => sum + height, LEVEL_LINES * LINE + TAP * kernel.size + 2 * GAP);
  });
  return Math.max(...heights);
}

function frameHeight({ size }: { readonly size: number }): number {
  return Math.max(FRAME_LINES * LINE, FRAME_TAP * size) + GAP;
}

function drawLevel(
  sheet: Sheet,
  left: number,
  top: number,
  { x, y, kernel, fusion, blendWeight }: LevelReport,
  level: number,
  color: (x: number, y: number) => Color,
): void {
  const { size, weights, gate } = kernel;
  const radius = size >> 1;
  sheet.text(left, top, `level ${level} pixel ${x},${y}`);
  sheet.text(left, top + LINE, `max ${short(Math.max(...weights))} gate ${short(gate)}`);
  const parts = [
    ...(blendWeight === undefined ? [] : [`blend ${short(blendWeight)}`]),
    ...(fusion === undefined ? [] : [`share ${short(fusion.share)}`]),
  ];
  sheet.text(left, top + 2 * LINE, parts.join(' '));
  const below = top + LEVEL_LINES * LINE;
  for (let tap = 0; tap < size ** 2; tap++) {
    const [u, v] = [tap % size, Math.floor(tap / size)];
    sheet.fill(left + u * TAP, below + v * TAP, TAP, TAP, color(x + u - radius, y + v - radius));
  }
  sheet.mark(left, below, radius);
  drawWeights(sheet, left + size * TAP + GAP, below, size, weights);
  sheet.mark(left + size * TAP + GAP, below, radius);
  let next = below + size * TAP + GAP;
  for (const frame of fusion?.frames ?? []) {
    const { offset, share, size: side, weights: taps } = frame;
    drawWeights(sheet, left, next, side, taps, FRAME_TAP);
    const right = left + side * FRAME_TAP + GAP;
    sheet.text(right, next, `frame ${offset > 0 ? '+' : ''}${offset} share ${short(share)}`);
    const seen = frame.x === undefined ? 'not seen there' : `at ${frame.x},${frame.y}`;
    sheet.text(right, next + LINE, seen);
    next += frameHeight(frame);
  }
}

/** Grey, from black for 0 to white for the largest. */
function drawWeights(
  sheet: Sheet,
  left: number,
  top: number,
  size: number,
  weights: readonly number[],
  side = TAP,
): void {
  const largest = Math.max(...weights, Number.MIN_VALUE);
  for (let tap = 0; tap < size ** 2; tap++) {
    const grey = Math.round(255 * Math.sqrt((weights[tap] ?? 0) / largest));
    const [u, v] = [tap % size, Math.floor(tap / size)];
    sheet.fill(left + u * side, top + v * side, side, side, [grey, grey, grey]);
  }
}

function short(value: number): string {
  return value.toFixed(3);
}

/** A pixel for a screen, the border repeated. */
function shown({ width, height, data }: Raster, x: number, y: number, exposure: number): Color {
  const column = Math.min(Math.max(x, 0), width - 1);
  const row = Math.min(Math.max(y, 0), height - 1);
  const channel = (c: number): number =>
    Math.round(255 * toDisplay(exposure * (data[(c * height + row) * width + column] as number)));
  return [channel(0), channel(1), channel(2)];
}

/** Means of 2 x 2 pixels; beyond an odd border its pixels repeat. */
function half({ width, height, channels, data }: Raster): Raster {
  const [columns, rows] = [Math.ceil(width / 2), Math.ceil(height / 2)];
  const small = { width: columns, height: rows, channels, data: new Float32Array(columns * rows * channels) };
  for (let i = 0; i < small.data.length; i++) {
    const [x, y, c] = [i % columns, Math.floor(i / columns) % rows, Math.floor(i / (columns * rows))];
    for (const [dx, dy] of [
      [0, 0],
      [1, 0],
      [0, 1],
      [1, 1],
    ] as const) {
      const [u, v] = [Math.min(2 * x + dx, width - 1), Math.min(2 * y + dy, height - 1)];
      small.data[i] = (small.data[i] as number) + (data[(c * height + v) * width + u] as number) / 4;
    }
  }
  return small;
}

/** An 8-bit picture to draw on. */
class Sheet {
  readonly #png: PNG;

  constructor(width: number, height: number) {
    this.#png = new PNG({ width, height });
    this.fill(0, 0, width, height, BACKGROUND);
  }

  fill(left: number, top: number, width: number, height: number, [red, green, blue]: Color): void {
    const { data, width: columns, height: rows } = this.#png;
    for (let y = Math.max(top, 0); y < Math.min(top + height, rows); y++) {
      for (let x = Math.max(left, 0); x < Math.min(left + width, columns); x++) {
        data.set([red, green, blue, 255], 4 * (y * columns + x));
      }
    }
  }

  text(left: number, top: number, label: string): void {
    drawLabel(label, (x, y) => this.fill(left + x, top + y, 1, 1, TEXT));
  }

  /** A frame around the tap in the middle of a kernel. */
  mark(left: number, top: number, radius: number): void {
    const [x, y] = [left + radius * TAP, top + radius * TAP];
    this.fill(x, y, TAP, 1, MARK);
    this.fill(x, y + TAP - 1, TAP, 1, MARK);
    this.fill(x, y, 1, TAP, MARK);
    this.fill(x + TAP - 1, y, 1, TAP, MARK);
  }

  encode(): Uint8Array {
    return PNG.sync.write(this.#png, { colorType: 2 });
  }
}
