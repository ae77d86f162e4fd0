import { damaged } from './damage.js';
import { halfValue } from './half.js';

/** Place of a coefficient in the zigzag order of storage, by its place in the block. */
const ZIGZAG = Uint8Array.of(
  ...[
    0, 1, 5, 6, 14, 15, 27, 28, 2, 4, 7, 13, 16, 26, 29, 42, 3, 8, 12, 17, 25, 30, 41, 43, 9, 11, 18, 24, 31,
  ],
  ...[40, 44, 53, 10, 19, 23, 32, 39, 45, 52, 54, 20, 22, 33, 38, 46, 51, 55, 60, 21, 34, 37, 47, 50, 56, 59],
  ...[61, 35, 36, 48, 49, 57, 58, 62, 63],
);
/** Its inverse: place in the block by place in the zigzag order. */
const BLOCK_PLACE = Uint8Array.from({ length: 64 }, (_, stored) => ZIGZAG.indexOf(stored));

/** Words from here on skip as many zero coefficients as their low byte says; 0 stands for the rest of the block. */
const SKIP = 0xff00;
export const END_OF_BLOCK = SKIP;

/** Reads coefficients 1 to 63 of a block and returns where the next block begins. */
export function readCoefficients(words: Uint16Array, start: number, block: Float32Array): number {
  let from = start;
  for (let stored = 1; stored < 64; ) {
    if (from >= words.length) throw damaged('coefficients for every block of DWA', 'fewer');
    const word = words[from++] as number;
    if ((word & SKIP) === SKIP) stored += word & 0xff || 64;
    else block[BLOCK_PLACE[stored++] as number] = halfValue(word);
  }
  return from;
}

/** As in the reference transform: the same value gives the same halves where a sample lies on a tie. */
// biome-ignore lint/suspicious/noApproximativeNumericConstant: the reference has these digits
const PI = 3.14159;
export const cosine = (sixteenths: number): number => Math.fround(0.5 * Math.cos((sixteenths * PI) / 16));
const C1 = cosine(1);
const C2 = cosine(2);
const C3 = cosine(3);
export const C4 = cosine(4);
const C5 = cosine(5);
const C6 = cosine(6);
const C7 = cosine(7);

/** The 8 x 8 inverse cosine transform (type III, orthonormal), in place. */
export function inverseTransform(block: Float32Array): void {
  for (let row = 0; row < 64; row += 8) inverseLine(block, row, 1);
  for (let column = 0; column < 8; column++) inverseLine(block, column, 8);
}

function inverseLine(block: Float32Array, at: number, step: number): void {
  const x0 = block[at] as number;
  const x1 = block[at + step] as number;
  const x2 = block[at + 2 * step] as number;
  const x3 = block[at + 3 * step] as number;
  const x4 = block[at + 4 * step] as number;
  const x5 = block[at + 5 * step] as number;
  const x6 = block[at + 6 * step] as number;
  const x7 = block[at + 7 * step] as number;
  const sum = C4 * (x0 + x4);
  const difference = C4 * (x0 - x4);
  const outer = C2 * x2 + C6 * x6;
  const inner = C6 * x2 - C2 * x6;
  const even0 = sum + outer;
  const even1 = difference + inner;
  const even2 = difference - inner;
  const even3 = sum - outer;
  const odd0 = C1 * x1 + C3 * x3 + C5 * x5 + C7 * x7;
  const odd1 = C3 * x1 - C7 * x3 - C1 * x5 - C5 * x7;
  const odd2 = C5 * x1 - C1 * x3 + C7 * x5 + C3 * x7;
  const odd3 = C7 * x1 - C5 * x3 + C3 * x5 - C1 * x7;
  block[at] = even0 + odd0;
  block[at + step] = even1 + odd1;
  block[at + 2 * step] = even2 + odd2;
  block[at + 3 * step] = even3 + odd3;
  block[at + 4 * step] = even3 - odd3;
  block[at + 5 * step] = even2 - odd2;
  block[at + 6 * step] = even1 - odd1;
  block[at + 7 * step] = even0 - odd0;
}

/** Luma and chroma of Rec. 709 to red, green, blue, in place. */
export function toRgb(planes: readonly Float32Array[]): void {
  const [luma, blue, red] = planes as [Float32Array, Float32Array, Float32Array];
  for (let i = 0; i < 64; i++) {
    const y = luma[i] as number;
    const cb = blue[i] as number;
    const cr = red[i] as number;
    luma[i] = y + 1.5747 * cr;
    blue[i] = y - 0.1873 * cb - 0.4682 * cr;
    red[i] = y + 1.8556 * cb;
  }
}
