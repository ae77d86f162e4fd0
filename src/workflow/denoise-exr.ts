import type { DenoiseReport, Denoiser } from '../denoise/denoiser.js';
import { expected, QuietframeError } from '../errors.js';
import { stringAttribute } from '../exr/attribute.js';
import type { ExrPool } from '../exr/exr-pool.js';
import type { ExrHeader } from '../exr/header.js';
import type { InputWarning, SourceName, VarianceOrigin } from '../frame/frame.js';
import type { ChannelUse, LayerPlan, PlannedLayer, ResolveOptions } from '../frame/resolve-layers.js';
import { plane, type Raster } from '../image/raster.js';
import type { SanitizedCounts } from '../image/sanitize.js';
import { VERSION } from '../version.js';
import { buildFrameAside } from './build-frame-aside.js';
import { readPlanned } from './read-planned.js';

export interface DenoiseExrRequest extends ResolveOptions {
  /** The noisy frame, or the first of two half buffers. The result is this file with its colour denoised. */
  readonly exr: Uint8Array;
  /** Another render of the same frame, independent and with as many samples: their difference tells the variance. */
  readonly halfB?: Uint8Array;
  /** `name` or `name@version`; the newest of the default model where it is not given. */
  readonly model?: string;
  /** Slope of the loss in [1, 10]; 1 by default. */
  readonly lambda?: number;
  /** `copy`, the default, leaves alpha alone; `denoise` filters it with the kernels of the colour. */
  readonly alpha?: 'denoise' | 'copy';
  readonly signal?: AbortSignal;
  /** Monotone, in [0, 1]; 1 only when the file is done. */
  readonly onProgress?: (fraction: number) => void;
}

export interface DenoiseExrServices {
  readonly pool: ExrPool;
  readonly denoiser: Pick<Denoiser, 'denoise'>;
}

/** Everything that happened: the denoiser's report, and what the file held and what was made of it. */
export interface FullReport extends Omit<DenoiseReport, 'stages'> {
  readonly input: {
    readonly width: number;
    readonly height: number;
    readonly parts: number;
    readonly source: SourceName;
    readonly view?: string;
    readonly samplesPerPixel?: number;
    readonly halfBuffers: boolean;
    readonly channels: readonly ChannelUse[];
  };
  readonly varianceOrigin: VarianceOrigin;
  readonly sanitized: Readonly<Record<string, SanitizedCounts>>;
  readonly warnings: readonly InputWarning[];
  /** Seconds by stage: `decode`, `frame`, those of the denoiser, `encode`. */
  readonly stages: Readonly<Record<string, number>>;
}

export interface DenoisedExr {
  readonly exr: Uint8Array;
  /** Denoised and noisy colour, 3 channels, over the data window. */
  readonly color: Raster;
  readonly noisy: Raster;
  readonly report: FullReport;
}

/** Largest finite half: brighter samples of a half channel are written as this. */
const MAX_HALF = 65504;
/** Shares of the progress at the end of decoding and of denoising. */
const DECODED = 0.05;
const DENOISED = 0.95;

/**
 * Denoises an OpenEXR file: the colour's channels (and alpha, if asked) are replaced, with their sample types kept, and
 * attributes with the prefix `quietframe:` tell how. All other channels, parts and attributes stay bit for bit.
 *
 * Where Blender has written both `Noisy Image` and a denoised `Combined`, the former is read and the latter replaced.
 * @throws QuietframeError as `readPlanned`, `buildFrame`, `Denoiser.denoise` and `ExrPool.replace`; `cancelled`.
 */
export async function denoiseExr(
  request: DenoiseExrRequest,
  { pool, denoiser }: DenoiseExrServices,
): Promise<DenoisedExr> {
  const { exr, halfB, signal, model, lambda } = request;
  const withAlpha = request.alpha === 'denoise';
  const progress = request.onProgress ?? (() => {});
  const watch = new Stopwatch();

  const [main, half] = await Promise.all([
    readPlanned(exr, pool, { ...request, withAlpha }),
    halfB && readPlanned(halfB, pool, { ...request, withAlpha }),
  ]);
  watch.lap('decode');
  const { frame, warnings, sanitized } = await buildFrameAside(main, half, signal);
  watch.lap('frame');
  progress(DECODED);

  const also = withAlpha && frame.alpha ? [frame.alpha] : [];
  const result = await denoiser.denoise(frame, {
    ...(model !== undefined && { model }),
    ...(lambda !== undefined && { lambda }),
    ...(signal && { signal }),
    also,
    onProgress: (fraction) => progress(DECODED + (DENOISED - DECODED) * fraction),
  });
  watch.lap('denoise');
  throwIfAborted(signal);

  const written: { layer: PlannedLayer; samples: Raster }[] = [
    { layer: main.plan.target, samples: result.color },
  ];
  const [alpha] = result.also;
  if (alpha !== undefined && main.plan.alpha !== undefined) {
    limitOpacity(alpha);
    written.push({ layer: main.plan.alpha.target, samples: alpha });
  }
  const allWarnings = [
    ...main.plan.warnings,
    ...warnings,
    ...alreadyDenoised(main.header, main.plan),
    ...saturated(main.header, written),
  ];
  const bytes = await pool.replace(exr, replacementsOf(written), {
    attributes: attributesOf(result.report, main.plan, frame.varianceOrigin),
    ...(signal && { signal }),
  });
  watch.lap('encode');
  progress(1);

  const { decode, frame: framing, encode } = watch.laps;
  const { view, samplesPerPixel } = main.plan;
  return {
    exr: bytes,
    color: result.color,
    noisy: frame.color,
    report: {
      ...result.report,
      seconds: watch.total(),
      input: {
        width: frame.width,
        height: frame.height,
        parts: main.header.parts.length,
        source: main.plan.source,
        ...(view !== undefined && { view }),
        ...(samplesPerPixel !== undefined && { samplesPerPixel }),
        halfBuffers: half !== undefined,
        channels: main.plan.uses,
      },
      varianceOrigin: frame.varianceOrigin,
      sanitized,
      warnings: allWarnings,
      stages: { decode: decode ?? 0, frame: framing ?? 0, ...result.report.stages, encode: encode ?? 0 },
    },
  };
}

function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new QuietframeError('cancelled', 'The work on a frame was cancelled');
}

/** Scale compositing may overshoot, and opacity ends at 1. */
function limitOpacity({ data }: Raster): void {
  for (let i = 0; i < data.length; i++) data[i] = Math.min(1, Math.max(0, data[i] as number));
}

function replacementsOf(
  written: readonly { layer: PlannedLayer; samples: Raster }[],
): Map<number, Map<string, Float32Array>> {
  const replacements = new Map<number, Map<string, Float32Array>>();
  for (const { layer, samples } of written) {
    const channels = replacements.get(layer.part) ?? new Map<string, Float32Array>();
    replacements.set(layer.part, channels);
    for (const [c, name] of layer.channels.entries()) channels.set(name, plane(samples, c).slice());
  }
  return replacements;
}

/** How the file was made; nothing that differs from run to run, so that the same input gives the same bytes. */
function attributesOf(
  report: DenoiseReport,
  plan: LayerPlan,
  varianceOrigin: VarianceOrigin,
): Map<string, ReturnType<typeof stringAttribute>> {
  const texts = {
    model: report.model,
    version: report.version,
    encoder: report.encoder,
    lambda: report.lambda,
    source: plan.source,
    variance: varianceOrigin,
    software: `quietframe ${VERSION}`,
  };
  return new Map(
    Object.entries(texts).map(([name, value]) => [`quietframe:${name}`, stringAttribute(String(value))]),
  );
}

function alreadyDenoised(header: ExrHeader, plan: LayerPlan): InputWarning[] {
  if (!header.parts[plan.layers.color.part]?.attributes.has('quietframe:model')) return [];
  return [
    {
      code: 'already-denoised',
      message: 'The file says that quietframe has denoised it before',
      layer: 'color',
    },
  ];
}

function saturated(
  header: ExrHeader,
  written: readonly { layer: PlannedLayer; samples: Raster }[],
): InputWarning[] {
  let count = 0;
  for (const { layer, samples } of written) {
    for (const [c, name] of layer.channels.entries()) {
      const channel = header.parts[layer.part]?.channels.find((candidate) => candidate.name === name);
      if (channel?.type !== 'half') continue;
      for (const value of plane(samples, c)) if (Math.abs(value) > MAX_HALF) count++;
    }
  }
  const range = expected(`at most ${MAX_HALF}`, 'samples of half channels', `${count} that are brighter`);
  return count === 0
    ? []
    : [{ code: 'half-saturated', message: `${range}: they were limited`, layer: 'color' }];
}

/** Seconds by stage. */
class Stopwatch {
  readonly #start = performance.now();
  #last = this.#start;
  readonly laps: Record<string, number> = {};

  lap(stage: string): void {
    const now = performance.now();
    this.laps[stage] = (now - this.#last) / 1000;
    this.#last = now;
  }

  total(): number {
    return (performance.now() - this.#start) / 1000;
  }
}
