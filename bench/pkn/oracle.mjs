import { raster } from '../../dist/image/raster.js';
import { bilinearSteps, mapSize } from '../../dist/pkn/parameter-map.js';

const ITERATIONS = 24;
const FIRST_RATE = 0.12;
const LAST_RATE = 0.02;

/**
 * The best multipliers at half resolution for one picture when the clean one is known, by gradient descent (Wronski 2021,
 * section 3.2). The filter is run with a row of fixed multipliers; in between, and for the gradient, a pixel's result is the
 * Catmull-Rom spline through its results, so that a step of the descent costs no filtering.
 */
export class Oracle {
  #samples;
  #clean;
  #width;
  #height;
  #mapWidth;
  #mapHeight;
  /** The results of a pixel side by side, with one extrapolated at both ends. */
  #table;
  /** The four cells of the map that a pixel lies between, and their weights. */
  #cells;
  #weights;

  /** @param filtered results with multipliers evenly spaced from 0 up, pictures of one channel. */
  constructor(filtered, clean) {
    const count = filtered.length;
    this.#samples = count;
    this.#clean = clean.data;
    this.#width = clean.width;
    this.#height = clean.height;
    this.#table = new Float32Array(clean.data.length * (count + 2));
    for (let i = 0, at = 0; i < clean.data.length; i++, at += count + 2) {
      for (let k = 0; k < count; k++) this.#table[at + 1 + k] = filtered[k].data[i];
      this.#table[at] = 2 * this.#table[at + 1] - this.#table[at + 2];
      this.#table[at + count + 1] = 2 * this.#table[at + count] - this.#table[at + count - 1];
    }
    this.#mapWidth = mapSize(this.#width);
    this.#mapHeight = mapSize(this.#height);
    const columns = bilinearSteps(this.#width, 2, this.#mapWidth);
    const rows = bilinearSteps(this.#height, 2, this.#mapHeight);
    this.#cells = new Int32Array(4 * clean.data.length);
    this.#weights = new Float32Array(4 * clean.data.length);
    for (let y = 0, i = 0; y < this.#height; y++) {
      const top = rows.low[y] * this.#mapWidth;
      const bottom = rows.high[y] * this.#mapWidth;
      const down = rows.weight[y];
      for (let x = 0; x < this.#width; x++, i += 4) {
        const right = columns.weight[x];
        const [left, next] = [columns.low[x], columns.high[x]];
        this.#cells.set([top + left, top + next, bottom + left, bottom + next], i);
        this.#weights.set(
          [(1 - down) * (1 - right), (1 - down) * right, down * (1 - right), down * right],
          i,
        );
      }
    }
  }

  /** A raster of multipliers in [0, largest], `largest` being that of the last filtered picture. */
  multipliers(largest) {
    const last = this.#samples - 1;
    const values = this.#bestSamples();
    const gradient = new Float64Array(values.length);
    const mean = new Float64Array(values.length);
    const square = new Float64Array(values.length);
    // Adam; steps are in units of the spacing of samples.
    for (let t = 1; t <= ITERATIONS; t++) {
      this.#gradient(values, gradient);
      const progress = (t - 1) / (ITERATIONS - 1);
      const rate = (FIRST_RATE * (LAST_RATE / FIRST_RATE) ** progress * last) / largest;
      for (let i = 0; i < values.length; i++) {
        mean[i] = 0.8 * mean[i] + 0.2 * gradient[i];
        square[i] = 0.95 * square[i] + 0.05 * gradient[i] ** 2;
        const step = mean[i] / (1 - 0.8 ** t) / (Math.sqrt(square[i] / (1 - 0.95 ** t)) + 1e-9);
        values[i] = Math.min(Math.max(values[i] - rate * step, 0), last);
      }
    }
    return raster(
      this.#mapWidth,
      this.#mapHeight,
      1,
      Float32Array.from(values, (value) => (value * largest) / last),
    );
  }

  /** For every cell the sample that is best for the pixels around it. */
  #bestSamples() {
    const count = this.#samples;
    const cells = this.#mapWidth * this.#mapHeight;
    const errors = new Float64Array(cells * count);
    for (let i = 0; i < this.#clean.length; i++) {
      for (let k = 0; k < count; k++) {
        const error = (this.#table[i * (count + 2) + 1 + k] - this.#clean[i]) ** 2;
        for (let n = 4 * i; n < 4 * i + 4; n++)
          errors[this.#cells[n] * count + k] += this.#weights[n] * error;
      }
    }
    return Float64Array.from({ length: cells }, (_, cell) => {
      let best = 0;
      for (let k = 1; k < count; k++) {
        if (errors[cell * count + k] < errors[cell * count + best]) best = k;
      }
      return best;
    });
  }

  /** Of half the squared error by the values of the cells. */
  #gradient(values, gradient) {
    const count = this.#samples;
    gradient.fill(0);
    for (let i = 0; i < this.#clean.length; i++) {
      let position = 0;
      for (let n = 4 * i; n < 4 * i + 4; n++) position += this.#weights[n] * values[this.#cells[n]];
      const k = Math.min(Math.floor(position), count - 2);
      const t = position - k;
      const at = i * (count + 2) + k;
      const a = this.#table[at];
      const b = this.#table[at + 1];
      const c = this.#table[at + 2];
      const d = this.#table[at + 3];
      // Catmull-Rom between b and c, and its derivative.
      const c1 = (c - a) / 2;
      const c2 = a - 2.5 * b + 2 * c - d / 2;
      const c3 = (3 * (b - c) + d - a) / 2;
      const result = b + t * (c1 + t * (c2 + t * c3));
      const slope = c1 + t * (2 * c2 + t * 3 * c3);
      const error = (result - this.#clean[i]) * slope;
      for (let n = 4 * i; n < 4 * i + 4; n++) gradient[this.#cells[n]] += this.#weights[n] * error;
    }
  }
}
