import type { DebugOutputs, DebugRequest, ExplainedPixel } from '../../denoise/kpcn/debug-outputs.js';
import { plane, type Raster } from '../../image/raster.js';
import type { FullReport } from '../report.js';
import type { MapChannel, MapsRequest, Output } from './maps.js';

/** Outputs that show what the network makes on the way. */
export const DEBUG_OUTPUTS = ['levels', 'blend-weights', 'window-shares', 'gate', 'kernels'] as const;

/** Whether an output shows what the network makes on the way. */
export function isDebugOutput(output: Output): boolean {
  return DEBUG_OUTPUTS.some((name) => name === output);
}

/**
 * What the denoiser is asked for; undefined without such outputs.
 * @param columns that the frame has more on its left than the file.
 */
export function debugRequest(
  { outputs = [], pixels }: Pick<MapsRequest, 'outputs' | 'pixels'>,
  columns: number,
): DebugRequest | undefined {
  if (!outputs.some(isDebugOutput)) return undefined;
  return {
    levels: outputs.includes('levels'),
    blendWeights: outputs.includes('blend-weights'),
    windowShares: outputs.includes('window-shares'),
    gate: outputs.includes('gate'),
    ...(outputs.includes('kernels') &&
      pixels && { pixels: pixels.map(({ x, y }) => ({ x: x + columns, y })) }),
  };
}

/**
 * Channels of all levels, level 0 the finest: `quietframe.level<l>.R` to `.B`, `quietframe.blendWeight.level<l>`,
 * `quietframe.windowShare.level<l>.center`, `.before<n>` and `.after<n>`, `quietframe.gate.level<l>`.
 */
export function debugChannels({
  levels = [],
  blendWeights = [],
  windowShares = [],
  gate = [],
  offsets,
}: DebugOutputs): MapChannel[] {
  const channel = (name: string, layer: Raster, c = 0): MapChannel => ({
    ...{ name: `quietframe.${name}`, type: 'float', data: plane(layer, c) },
  });
  return [
    ...levels.flatMap((layer, l) => [...'RGB'].map((letter, c) => channel(`level${l}.${letter}`, layer, c))),
    ...blendWeights.map((layer, l) => channel(`blendWeight.level${l}`, layer)),
    ...windowShares.flatMap((layer, l) =>
      offsets.map((offset, c) => channel(`windowShare.level${l}.${frameName(offset)}`, layer, c)),
    ),
    ...gate.map((layer, l) => channel(`gate.level${l}`, layer)),
  ];
}

function frameName(offset: number): string {
  if (offset === 0) return 'center';
  return offset < 0 ? `before${-offset}` : `after${offset}`;
}

/** The kernels of a pixel in a report, as numbers of seven digits. */
export type KernelsReport = NonNullable<FullReport['kernels']>[number];
export type LevelReport = KernelsReport['levels'][number];

/** @param columns as of {@link debugRequest}. */
export function kernelsReport(
  { pixels = [], offsets }: DebugOutputs,
  columns: number,
): readonly KernelsReport[] {
  return pixels.map(({ x, y, levels, ...pixel }) => ({
    ...{ x: x - columns, y, color: rounded(pixel.color), denoisedWeight: round(pixel.denoisedWeight) },
    levels: levels.map((level, l) => levelReport(level, offsets, columns >> l)),
  }));
}

function levelReport(
  { x, y, kernel, fusion, denoised, blendWeight }: ExplainedPixel['levels'][number],
  offsets: readonly number[],
  columns: number,
): LevelReport {
  return {
    ...{ x: x - columns, y, denoised: rounded(denoised) },
    ...(blendWeight !== undefined && { blendWeight: round(blendWeight) }),
    kernel: {
      ...{ size: kernel.size, weights: rounded(kernel.weights) },
      ...{ gate: round(kernel.gate), gain: rounded(kernel.gain) },
    },
    ...(fusion && {
      fusion: {
        ...{ share: round(fusion.share), gain: rounded(fusion.gain), bound: round(fusion.bound) },
        frames: fusion.frames.map(({ place, size, weights, share }, i) => ({
          ...{ offset: offsets[i + 1] ?? 0, share: round(share) },
          ...(place && { x: place.x - columns, y: place.y }),
          ...{ size, weights: rounded(weights) },
        })),
      },
    }),
  };
}

function rounded(values: ArrayLike<number>): number[] {
  return Array.from(values, round);
}

/** As many digits as a float has. */
function round(value: number): number {
  return Number(value.toPrecision(7));
}
