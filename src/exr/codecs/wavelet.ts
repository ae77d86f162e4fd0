/**
 * The two-dimensional Haar wavelet of PIZ, in place, on 16-bit words with one word in `xStep` and one line in `yStep`.
 * Values below 2^14 use signed sums and differences; larger ones wrap around modulo 2^16.
 */
const FULL_RANGE = 1 << 14;

interface Grid {
  readonly offset: number;
  readonly width: number;
  readonly xStep: number;
  readonly height: number;
  readonly yStep: number;
}

export function waveletDecode(words: Uint16Array, grid: Grid, maxValue: number): void {
  const pair = maxValue < FULL_RANGE ? joinSmall : joinLarge;
  let half = 1;
  while (half <= Math.min(grid.width, grid.height)) half *= 2;
  for (half /= 4; half >= 1; half /= 2) {
    const right = half * grid.xStep;
    const down = half * grid.yStep;
    forEachBlock(grid, half, {
      square(at) {
        pair(words, at, at + down);
        pair(words, at + right, at + right + down);
        pair(words, at, at + right);
        pair(words, at + down, at + right + down);
      },
      column: (at) => pair(words, at, at + down),
      row: (at) => pair(words, at, at + right),
    });
  }
}

export function waveletEncode(words: Uint16Array, grid: Grid, maxValue: number): void {
  const pair = maxValue < FULL_RANGE ? splitSmall : splitLarge;
  for (let half = 1; 2 * half <= Math.min(grid.width, grid.height); half *= 2) {
    const right = half * grid.xStep;
    const down = half * grid.yStep;
    forEachBlock(grid, half, {
      square(at) {
        pair(words, at, at + right);
        pair(words, at + down, at + right + down);
        pair(words, at, at + down);
        pair(words, at + right, at + right + down);
      },
      column: (at) => pair(words, at, at + down),
      row: (at) => pair(words, at, at + right),
    });
  }
}

interface Visitor {
  square(at: number): void;
  column(at: number): void;
  row(at: number): void;
}

/** Visits the blocks of side 2 * half, and the half blocks at the right and lower border. */
function forEachBlock(grid: Grid, half: number, visit: Visitor): void {
  const { offset, width, xStep, height, yStep } = grid;
  const side = 2 * half;
  const columns = Math.floor(width / side) * side;
  const rows = Math.floor(height / side) * side;
  for (let y = 0; y < rows; y += side) {
    const line = offset + y * yStep;
    for (let x = 0; x < columns; x += side) visit.square(line + x * xStep);
    if (width & half) visit.column(line + columns * xStep);
  }
  if (height & half) {
    const line = offset + rows * yStep;
    for (let x = 0; x < columns; x += side) visit.row(line + x * xStep);
  }
}

function splitSmall(words: Uint16Array, a: number, b: number): void {
  const first = ((words[a] as number) << 16) >> 16;
  const second = ((words[b] as number) << 16) >> 16;
  words[a] = (first + second) >> 1;
  words[b] = first - second;
}

function joinSmall(words: Uint16Array, a: number, b: number): void {
  const mean = ((words[a] as number) << 16) >> 16;
  const difference = ((words[b] as number) << 16) >> 16;
  const first = mean + (difference & 1) + (difference >> 1);
  words[a] = first;
  words[b] = first - difference;
}

function splitLarge(words: Uint16Array, a: number, b: number): void {
  const first = ((words[a] as number) + 0x8000) & 0xffff;
  const second = words[b] as number;
  const difference = first - second;
  const mean = (first + second) >> 1;
  words[a] = difference < 0 ? mean + 0x8000 : mean;
  words[b] = difference;
}

function joinLarge(words: Uint16Array, a: number, b: number): void {
  const mean = words[a] as number;
  const difference = words[b] as number;
  const second = (mean - (difference >> 1)) & 0xffff;
  words[b] = second;
  words[a] = difference + second - 0x8000;
}
