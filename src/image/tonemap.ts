import { plane, type Raster, raster } from './raster.js';

/**
 * Display curves: `srgb` clips at 1 and encodes; `filmic` first rolls highlights off with the fit of the ACES curve by
 * Narkowicz (2015), x (2.51 x + 0.03) / (x (2.43 x + 0.59) + 0.14).
 */
export type DisplayCurve = 'filmic' | 'srgb';

/** Rec. 709 weights of luminance. */
const LUMINANCE = [0.2126, 0.7152, 0.0722] as const;
/** Log-average luminance after exposure: the middle grey of photography. */
const DISPLAY_KEY = 0.18;

/** Rec. 709 luminance of a picture of 3 channels, one channel. */
export function luminance(color: Raster): Raster {
  const [red, green, blue] = [plane(color, 0), plane(color, 1), plane(color, 2)];
  const result = raster(color.width, color.height, 1);
  for (let i = 0; i < result.data.length; i++) {
    result.data[i] =
      LUMINANCE[0] * (red[i] as number) +
      LUMINANCE[1] * (green[i] as number) +
      LUMINANCE[2] * (blue[i] as number);
  }
  return result;
}

/**
 * Factor that brings the log-average luminance of the lit pixels to 0.18, for showing and comparing pictures; 1 for a
 * black one. To compare, use one picture's factor for both.
 */
export function displayExposure(color: Raster): number {
  let sum = 0;
  let lit = 0;
  for (const value of luminance(color).data) {
    if (!(value > 1e-6 && Number.isFinite(value))) continue;
    sum += Math.log(value);
    lit++;
  }
  return lit === 0 ? 1 : DISPLAY_KEY / Math.exp(sum / lit);
}

/** A scene-linear value, already exposed, as a display value in [0, 1]; NaN is 0. */
export function toDisplay(value: number, curve: DisplayCurve = 'filmic'): number {
  if (!(value > 0)) return 0;
  const bounded = Math.min(value, 1e6);
  const shown =
    curve === 'filmic'
      ? (bounded * (2.51 * bounded + 0.03)) / (bounded * (2.43 * bounded + 0.59) + 0.14)
      : bounded;
  const clipped = Math.min(1, shown);
  return clipped <= 0.0031308 ? 12.92 * clipped : 1.055 * clipped ** (1 / 2.4) - 0.055;
}

/** Colour that was multiplied by alpha, without it; black where alpha is 0. */
export function straightColor(color: Raster, alpha: Raster): Raster {
  const straight = raster(color.width, color.height, color.channels);
  const pixels = color.width * color.height;
  for (let i = 0; i < straight.data.length; i++) {
    const opacity = alpha.data[i % pixels] as number;
    if (opacity > 0) straight.data[i] = (color.data[i] as number) / Math.min(1, opacity);
  }
  return straight;
}

/**
 * A picture of 3 channels as bytes for a screen: interleaved RGBA, row 0 at the top, opaque.
 * @param exposure factor on the linear values; see {@link displayExposure}.
 */
export function toneMap(color: Raster, exposure: number, curve: DisplayCurve = 'filmic'): Uint8ClampedArray {
  const pixels = color.width * color.height;
  const bytes = new Uint8ClampedArray(4 * pixels).fill(255);
  for (let c = 0; c < 3; c++) {
    const values = plane(color, c);
    for (let i = 0; i < pixels; i++) {
      bytes[4 * i + c] = 255 * toDisplay(exposure * (values[i] as number), curve);
    }
  }
  return bytes;
}
