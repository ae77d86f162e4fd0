import { type Raster, raster } from '../../src/image/raster.js';

/** Numbers in [0, 1) that are the same in every run (a linear congruential generator). */
export function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

/** Random values in [low, high). */
export function randomRaster(
  width: number,
  height: number,
  channels: number,
  [low, high]: readonly [number, number] = [0, 1],
): Raster {
  const random = randomNumbers(width * 1009 + height * 31 + channels);
  const data = Float32Array.from({ length: width * height * channels }, () => low + (high - low) * random());
  return raster(width, height, channels, data);
}

/** A number in [0, 1) that looks unrelated to those of arguments nearby. */
export function scatter(argument: number): number {
  const value = Math.sin(argument) * 43758.5453;
  return value - Math.floor(value);
}

/** As {@link scatter}, for a sample of something that has a name. */
export function scatterOf(name: string, i: number): number {
  return scatter([...name].reduce((sum, letter) => sum + letter.charCodeAt(0), i * 12.9898));
}
