import type { Raster } from '../../image/raster.js';

/** Denoised layers of light that add up to the colour, or to a part of it, and what they were before. */
export interface LightFamily {
  readonly denoised: readonly Raster[];
  readonly noisy: readonly Raster[];
}

/**
 * Limits light to what it can be, in place: where a sample of the noisy layer is not negative, that of the denoised one is
 * not either. The layers of a family keep their sum, or follow the colour where the colour was limited.
 */
export function limitLight(color: Raster, noisy: Raster, families: readonly LightFamily[]): void {
  const limited = newlyNegative(color, noisy);
  for (const family of families) {
    const samples = new Set(limited);
    for (const [l, layer] of family.denoised.entries()) {
      for (const i of newlyNegative(layer, family.noisy[l] as Raster)) samples.add(i);
    }
    for (const i of samples) limitFamily(family, i, limited.has(i));
  }
  for (const i of limited) color.data[i] = 0;
}

function newlyNegative({ data }: Raster, { data: before }: Raster): Set<number> {
  const found = new Set<number>();
  for (let i = 0; i < data.length; i++) {
    if ((data[i] as number) < 0 && (before[i] as number) >= 0) found.add(i);
  }
  return found;
}

/** One sample of all layers of a family; `isDark` where the colour was limited to 0. */
function limitFamily({ denoised, noisy }: LightFamily, i: number, isDark: boolean): void {
  const values = denoised.map(({ data }) => data[i] as number);
  const wanted = isDark ? 0 : values.reduce((sum, value) => sum + value, 0);
  const limited = values.map((value, l) => ((noisy[l]?.data[i] as number) >= 0 ? Math.max(value, 0) : value));
  const sum = (sign: 1 | -1): number =>
    limited.reduce((total, value) => (sign * value > 0 ? total + value : total), 0);
  const [positive, negative] = [sum(1), sum(-1)];
  const scale = positive > 0 ? Math.max(wanted - negative, 0) / positive : 0;
  for (const [l, { data }] of denoised.entries()) {
    const value = limited[l] as number;
    data[i] = value > 0 ? scale * value : value;
  }
}

/** The noisy layer, or one of another size that is negative where that is negative anywhere. */
export function noisyInSize(noisy: Raster, { width, height }: Pick<Raster, 'width' | 'height'>): Raster {
  if (noisy.width === width && noisy.height === height) return noisy;
  const floor = noisy.data.some((value) => value < 0) ? -1 : 0;
  return {
    width,
    height,
    channels: noisy.channels,
    data: new Float32Array(width * height * noisy.channels).fill(floor),
  };
}

/** Whether the channels of all layers are equal in every pixel. */
export function isGrey(layers: readonly Raster[]): boolean {
  return layers.every(({ width, height, channels, data }) => {
    const plane = width * height;
    for (let i = 0; i < plane; i++) {
      for (let c = 1; c < channels; c++) if (data[c * plane + i] !== data[i]) return false;
    }
    return true;
  });
}

/** Gives all channels of a layer the mean of its channels, in place. */
export function makeGrey({ width, height, channels, data }: Raster): void {
  const plane = width * height;
  for (let i = 0; i < plane; i++) {
    let sum = 0;
    for (let c = 0; c < channels; c++) sum += data[c * plane + i] as number;
    for (let c = 0; c < channels; c++) data[c * plane + i] = sum / channels;
  }
}
