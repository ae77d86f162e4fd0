import { byId } from './page.js';
import type { Picture } from './state.js';

/** Stops around 1.0 that the histogram covers. */
const STOPS = { low: -12, high: 6 };
const BINS = 144;
/** Pixels that are counted at most. */
const SAMPLES = 200_000;
const LINES = ['#9a9a9a', '#4aa3ff'] as const;

const counted = new WeakMap<Picture, Float64Array>();

/** Draws the distribution of luminance in stops: noisy in gray, denoised in blue, and the white of the display as a line. */
export function drawHistogram(pictures: readonly Picture[], exposure: number): void {
  const canvas = byId<HTMLCanvasElement>('histogram');
  const context = canvas.getContext('2d');
  if (context === null) return;
  const { width, height } = canvas;
  context.clearRect(0, 0, width, height);
  const all = pictures.map(countStops);
  const most = Math.max(...all.flatMap((bins) => [...bins]), 1e-9);
  all.forEach((bins, which) => {
    context.strokeStyle = LINES[which] ?? LINES[0];
    context.lineWidth = 1.5;
    context.beginPath();
    bins.forEach((share, bin) => {
      context.lineTo(((bin + 0.5) * width) / BINS, height - 1 - (height - 4) * Math.sqrt(share / most));
    });
    context.stroke();
  });
  const white = ((-exposure - STOPS.low) / (STOPS.high - STOPS.low)) * width;
  context.fillStyle = '#d07000';
  context.fillRect(white - 0.5, 0, 1, height);
}

function countStops(picture: Picture): Float64Array {
  const known = counted.get(picture);
  if (known !== undefined) return known;
  const bins = new Float64Array(BINS);
  const { data } = picture;
  const step = 4 * Math.max(1, Math.floor(data.length / 4 / SAMPLES));
  for (let i = 0; i < data.length; i += step) {
    const [red = 0, green = 0, blue = 0] = [data[i], data[i + 1], data[i + 2]];
    const stops = Math.log2(0.2126 * red + 0.7152 * green + 0.0722 * blue);
    const bin = Math.floor(((stops - STOPS.low) / (STOPS.high - STOPS.low)) * BINS);
    // Black, NaN and infinity have no place on the axis.
    if (bin >= 0 && bin < BINS) bins[bin] = (bins[bin] ?? 0) + 4 / step;
  }
  counted.set(picture, bins);
  return bins;
}
