import { plane, type Raster } from '../image/raster.js';

/** How far a length may be from 1 to count as a unit normal; pixel filters shorten normals at edges. */
const UNIT_TOLERANCE = 0.05;

/**
 * Whether normals are stored as n * 0.5 + 0.5: nothing is below 0 or above 1, and most pixels that are not empty have unit
 * length once decoded, but not as they are.
 */
export function areEncodedNormals(normal: Raster): boolean {
  const pixels = normal.width * normal.height;
  const { data } = normal;
  let filled = 0;
  let plain = 0;
  let encoded = 0;
  for (let i = 0; i < pixels; i++) {
    const x = data[i] as number;
    const y = data[pixels + i] as number;
    const z = data[2 * pixels + i] as number;
    if (x < -1e-3 || y < -1e-3 || z < -1e-3 || x > 1.001 || y > 1.001 || z > 1.001) return false;
    const decoded = Math.sqrt((2 * x - 1) ** 2 + (2 * y - 1) ** 2 + (2 * z - 1) ** 2);
    if (isNull(x, y, z) || decoded < UNIT_TOLERANCE) continue;
    filled++;
    if (Math.abs(Math.sqrt(x * x + y * y + z * z) - 1) < UNIT_TOLERANCE) plain++;
    if (Math.abs(decoded - 1) < UNIT_TOLERANCE) encoded++;
  }
  return encoded > filled / 2 && encoded > plain;
}

/** Decodes n * 0.5 + 0.5 in place; pixels of three zeros hold no normal and stay so. */
export function decodeNormals(normal: Raster): void {
  const [x, y, z] = [plane(normal, 0), plane(normal, 1), plane(normal, 2)];
  for (let i = 0; i < x.length; i++) {
    if (isNull(x[i] as number, y[i] as number, z[i] as number)) continue;
    for (const values of [x, y, z]) values[i] = 2 * (values[i] as number) - 1;
  }
}

function isNull(x: number, y: number, z: number): boolean {
  return x === 0 && y === 0 && z === 0;
}

/** Limits samples to [0, 1], in place; returns the share of them that was above 1 by more than rounding. */
export function clampAlbedo(albedo: Raster): number {
  const { data } = albedo;
  let above = 0;
  for (let i = 0; i < data.length; i++) {
    const value = data[i] as number;
    if (value > 1.001) above++;
    data[i] = Math.min(1, Math.max(0, value));
  }
  return above / data.length;
}

/** Whether two renders that should be independent are the same picture. */
export function areIdentical(a: Raster, b: Raster): boolean {
  return a.data.every((value, i) => value === b.data[i]);
}

/** Whether every channel has one value in all pixels. */
export function isConstant({ width, height, channels, data }: Raster): boolean {
  const pixels = width * height;
  for (let c = 0; c < channels; c++) {
    const first = data[c * pixels];
    for (let i = c * pixels + 1; i < (c + 1) * pixels; i++) if (data[i] !== first) return false;
  }
  return true;
}

/**
 * Whether normals were never written: the same everywhere, and no direction. A unit vector everywhere is a wall that fills the
 * picture.
 */
export function areEmptyNormals(normal: Raster): boolean {
  const [x, y, z] = [0, 1, 2].map((c) => plane(normal, c)[0] as number) as [number, number, number];
  return isConstant(normal) && Math.abs(Math.sqrt(x * x + y * y + z * z) - 1) > UNIT_TOLERANCE;
}

/** Whether a raster is 0 everywhere. */
export function isZero(image: Raster): boolean {
  return image.data.every((value) => value === 0);
}

/**
 * Correlation of the noise of horizontal neighbors, from the signs of the difference of two halves (so that fireflies do
 * not decide): 0 for independent pixels; a reconstruction filter that splats samples to neighbors brings it up.
 * In [-1, 1]; 0 when fewer than 1000 pairs differ.
 */
export function noiseCorrelation(a: Raster, b: Raster): number {
  let pairs = 0;
  let sum = 0;
  const sign = (i: number): number => Math.sign((a.data[i] as number) - (b.data[i] as number));
  for (let i = 0; i + 1 < a.width * a.height; i++) {
    if ((i + 1) % a.width === 0) continue;
    const product = sign(i) * sign(i + 1);
    if (product === 0) continue;
    pairs++;
    sum += product;
  }
  // Signs of two normal variables of correlation rho agree by (2 / pi) asin(rho).
  return pairs < 1000 ? 0 : Math.sin((Math.PI / 2) * (sum / pairs));
}
