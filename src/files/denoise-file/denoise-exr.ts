import pMap from 'p-map';
import { checkFinishOptions } from '../../denoise/pkn/finish-options.js';
import { parameterChannels } from '../../denoise/pkn/parameter-channels.js';
import type { DenoiseReport } from '../../denoise/types.js';
import { expected, QuietframeError } from '../../errors.js';
import { stringAttribute } from '../../exr/attribute.js';
import type { ExrLayout } from '../../exr/header.js';
import type { ExrPool } from '../../exr/pool.js';
import type { AddedChannel } from '../../exr/replace-channels.js';
import { type BuiltFrame, rasterOf } from '../../frame/build-frame.js';
import { recombine } from '../../frame/components.js';
import type { InputWarning } from '../../frame/frame.js';
import {
  type AovPlan,
  type LayerPlan,
  layersText,
  type PlannedLayer,
  resolveLayers,
  resolveViews,
} from '../../frame/layers/resolve-layers.js';
import { looksLikePanorama } from '../../frame/panorama.js';
import { withoutSurface } from '../../frame/surface.js';
import { keepBrightRegions } from '../../image/bright-regions.js';
import type { Attribute, Image } from '../../image/image.js';
import { joinedPart, ownParts } from '../../image/joined-parts.js';
import { MAX_FLOAT, plane, type Raster, raster } from '../../image/raster.js';
import type { Tile } from '../../image/region.js';
import { digestOf } from '../../io/sha256.js';
import { MAX_WINDOW } from '../../limits.js';
import { VERSION } from '../../version.js';
import { checkEffects } from '../check-effects.js';
import { buildFrameOffThread } from '../run-off-thread.js';
import { alignGuides } from '../window/align-guides.js';
import { checkFit, checkWindow } from '../window/check-fit.js';
import { CachedFrames } from '../window/frame-cache.js';
import { type LoadedFrame, loadFrame, type NamedFile, naming } from '../window/load-frame.js';
import { readPlanned } from '../window/read-planned.js';
import { windowMotion } from '../window/window-motion.js';
import { type DenoisedLayers, denoiseBeauty, denoiseSplit } from './components.js';
import { applyCoverage, coverageOf, isTransparent } from './coverage.js';
import { debugChannels, debugRequest, isDebugOutput, kernelsReport } from './debug-channels.js';
import { denoiseViews } from './denoise-views.js';
import { readLambdaMap } from './lambda-map.js';
import { isGrey, limitLight, makeGrey, noisyInSize } from './limit-aovs.js';
import {
  auxiliaryChannels,
  checkAuxiliaries,
  checkMaps,
  fireflyMask,
  type MapChannel,
  type Maps,
  makeMaps,
  needsErrors,
} from './maps.js';
import { resizeImage } from './resize-image.js';
import type { DenoisedExr, DenoiseExrRequest, DenoiseExrServices, Neighbor } from './types.js';
import { maybePanorama, unwrapLayers, wrapRaster, wrapReach, wrapRegion, wrapWindow } from './wrap.js';

/** The farthest frames from the center that any model uses. */
const REACH = 3;
/** Largest finite half: brighter samples of a half channel are written as this. */
const MAX_HALF = 65504;
/** Shares of the progress at the end of decoding and of denoising. */
const DECODED = 0.05;
const DENOISED = 0.95;

/**
 * Denoises an OpenEXR file: the colour's channels (and those of alpha and of layers of light, if asked) are replaced, with
 * their sample types kept, and attributes with the prefix `quietframe:` tell how. All other channels, parts and attributes
 * stay bit for bit.
 *
 * Layers of light that make up the beauty make up the denoised beauty, for the kernels are the same. Those that the
 * renderer stores without the surface's colour are filtered with it, and divided by that of `exr` again.
 *
 * Where Blender has written both `Noisy Image` and a denoised `Combined`, the former is read and the latter replaced.
 * @throws QuietframeError as `readPlanned`, `buildFrame`, `Denoiser.denoise` and `ExrPool.replace`; `cancelled`.
 */
export async function denoiseExr(
  request: DenoiseExrRequest,
  services: DenoiseExrServices,
): Promise<DenoisedExr> {
  const { exr, view, frameName = 'frame' } = request;
  if (view !== 'all') return denoiseView(request, services);
  const views = await naming(frameName, () => resolveViews(services.pool.header(exr).parts, request));
  if (views.length < 2) return denoiseView(request, services);
  return denoiseViews(request, views, ({ onto, ...pass }) =>
    denoiseView({ ...request, ...pass }, services, { onto: onto ?? exr, view: 'all' }),
  );
}

/** What a pass over one of several views writes to, and what the file says of the views that were asked for. */
interface Output {
  readonly onto: Uint8Array;
  readonly view: string;
}

async function denoiseView(
  request: DenoiseExrRequest,
  { pool, denoiser, frames }: DenoiseExrServices,
  output: Output = { onto: request.exr, view: request.view ?? '' },
): Promise<DenoisedExr> {
  const { exr, halves, neighbors = [], signal, model, lambda, frameName = 'frame' } = request;
  const { maps: mapsRequest = {}, alpha: alphaMode = 'auto' } = request;
  checkMaps(mapsRequest);
  checkEffects({ ...request, ...request.finish });
  checkNeighbours(neighbors);
  const { strength, finish, guide, lambdaMap: lambdaFile, region } = request;
  const factor = finish?.upscale ?? 1;
  const withParameters = mapsRequest.outputs?.includes('parameters') ?? false;
  const withFireflies = mapsRequest.outputs?.includes('fireflies') ?? false;
  const withAuxiliaries = mapsRequest.outputs?.includes('auxiliaries') ?? false;
  const withDebug = mapsRequest.outputs?.some(isDebugOutput) ?? false;
  checkFinish(request, needsErrors(mapsRequest) || withFireflies || withAuxiliaries);
  const { wrap = 'auto' } = request;
  const mayWrap = finish === undefined && !withParameters;
  if (wrap === 'x' && !mayWrap) throw wrong('none or auto with upscale, deblur and parameters', 'wrap', wrap);
  checkChoices(request, withParameters);
  if (withDebug) checkDebug(request);
  const progress = request.onProgress ?? (() => {});
  const watch = new Stopwatch();

  const { header, plan } = await naming(frameName, () => {
    const header = pool.header(exr);
    const plan = resolveLayers(header.parts, request);
    checkTypes(header, plan, alphaMode === 'denoise');
    return { header, plan };
  });
  const inputs: readonly [NamedFile, NamedFile?] =
    halves === undefined
      ? [{ name: frameName, file: exr }]
      : [
          { name: 'half_a', file: halves[0] },
          { name: 'half_b', file: halves[1] },
        ];
  const aovs = plan.lights.map(({ name }) => name);
  const planOf = ({ name, file }: NamedFile): Promise<LayerPlan> =>
    naming(name, () => resolveLayers(pool.header(file).parts, { ...request, aovs }));
  const [own, ownHalf] = await Promise.all([planOf(inputs[0]), inputs[1] && planOf(inputs[1])]);
  checkWindow(own, plan, inputs[0].name);
  if (ownHalf !== undefined) checkWindow(ownHalf, plan, 'half_b');
  const hasSplit = [own, ownHalf ?? own].every(({ layers }) => layers.diffuseColor !== undefined);
  const withSplit = request.components === 'split' && hasSplit;
  const reach = (denoiser.windowSize(model, needsErrors(mapsRequest)) - 1) / 2;
  const around = neighbors
    .filter(({ offset }) => Math.abs(offset) <= reach)
    .map(({ exr, offset, name = `neighbor[${offset}]` }) => ({ name, file: exr, offset }));
  const plans = await Promise.all(around.map(planOf));
  for (const [i, { name }] of around.entries()) {
    checkFit(plans[i] as LayerPlan, own, name, {
      withAlpha: alphaMode === 'denoise',
      withSplit,
      halves: halves !== undefined,
    });
  }
  const withColor = !request.mapsOnly && (mapsRequest.outputs?.includes('color') ?? true);
  const mayCover =
    alphaMode === 'auto' &&
    withColor &&
    !isInteger(header, plan.alpha?.target) &&
    [plan, own, ownHalf ?? own, ...plans].every(({ alpha }) => alpha !== undefined);
  const withAlpha = alphaMode === 'denoise' || mayCover;
  const lambdaMap =
    lambdaFile && (await naming('lambda', () => readLambdaMap(lambdaFile, plan.dataWindow, pool, signal)));

  const cached = frames?.begin() ?? new CachedFrames();
  const options = { ...request, aovs, withAlpha, withSplit, withMotion: around.length > 0 };
  const [center, surfaces, guiding] = await Promise.all([
    loadFrame(inputs, options, pool, cached, () => watch.lap('decode')),
    naming(frameName, () => readSurfaces(exr, pool, plan, signal)),
    guide && naming('guide', () => readPlanned(guide, pool, { ...request, aovs: [] })),
  ]);
  const { frame, warnings, sanitized } = center.built;
  if (withAuxiliaries) checkAuxiliaries(frame);
  const covers = mayCover && frame.alpha !== undefined && isTransparent(frame.alpha);
  const guideFrame = guiding && (await buildFrameOffThread(guiding, undefined, signal)).frame;
  watch.lap('frame');
  // Two at a time: one is decoded while the other is built.
  const others = await pMap(
    around,
    async (neighbor) => ({
      ...neighbor,
      ...(await loadFrame([neighbor], options, pool, cached)),
    }),
    { concurrency: 2 },
  );
  const entry = ({ built, key }: LoadedFrame) => ({ frame: built.frame, key });
  const { motions, origin, ...moving } = await windowMotion(
    { offset: 0, name: frameName, ...entry(center) },
    others.map((other) => ({ offset: other.offset, name: other.name, ...entry(other) })),
    cached,
    signal,
  );
  if (around.length > 0) watch.lap('window');
  progress(DECODED);

  const denoise = withSplit ? denoiseSplit : denoiseBeauty;
  const panorama = wrap === 'auto' && mayWrap ? looksLikePanorama(frame) : 'no';
  const isWrapped = wrap === 'x' || panorama === 'yes';
  const columns = isWrapped ? wrapReach(frame.width) : 0;
  const loaded = {
    ...center,
    others: others.map(({ offset, built, key }) => ({
      ...{ offset, ...alignGuides(frame, { built, key }) },
      motion: motions.get(offset) as Raster,
    })),
  };
  const wideLambda = lambdaMap && isWrapped ? wrapRaster(lambdaMap, columns) : lambdaMap;
  const debug = debugRequest(mapsRequest, columns);
  const denoised = await denoise(
    isWrapped ? wrapWindow(loaded, columns) : loaded,
    {
      ...(model !== undefined && { model }),
      ...(request.encoder !== undefined && { encoder: request.encoder }),
      ...(request.prefilter !== undefined && { prefilter: request.prefilter }),
      auxiliaries: withAuxiliaries,
      ...(debug && { debug }),
      ...(wideLambda ? { lambda: wideLambda } : lambda !== undefined && { lambda }),
      ...(signal && { signal }),
      ...(strength !== undefined && { strength }),
      ...(region && { region: wrapRegion(region, columns) }),
      ...(finish !== undefined && { finish: { ...finish, ...(guideFrame && { guide: guideFrame }) } }),
      parameters: withParameters,
      lights: plan.lights,
      withAlpha: alphaMode === 'denoise' || covers,
      errors: needsErrors(mapsRequest),
      onProgress: (fraction) => progress(DECODED + (DENOISED - DECODED) * fraction),
    },
    denoiser,
  );
  const result = isWrapped ? unwrapLayers(denoised, columns) : denoised;
  watch.lap('denoise');
  throwIfAborted(signal);
  const { predictedError, exposure } = result.report;
  const maps: Maps =
    result.errors === undefined || predictedError === undefined
      ? { channels: [], report: {} }
      : await makeMaps(
          { errors: result.errors, predictedError, frame, exposure, spp: plan.samplesPerPixel },
          mapsRequest,
          denoiser,
        );

  limitToInput(result, center.built, plan.lights);
  const irradiance = plan.lights.filter(({ component }) => withSplit && component === 'irradiance');
  const alpha =
    covers && factor === 1
      ? fitToAlpha(
          result,
          center.built,
          irradiance.map(({ name }) => name),
        )
      : result.alpha;
  keepBright(result, center.built, plan, header);
  const color = region === undefined ? result.color : crop(result.color, region);
  const written: Written[] =
    withColor && region === undefined ? [{ layer: plan.target, samples: color }] : [];
  for (const { name, layer, surface } of region === undefined ? plan.lights : []) {
    const light = result.lights.get(name) as Raster;
    const color = rasterOf(surfaces, surface);
    const samples = color === undefined ? light : withoutSurface(light, color);
    const bright = center.built.bright.lights.get(name);
    if (bright !== undefined) keepBrightRegions(samples, bright, frame, largestOf(layer, header));
    written.push({ layer, samples });
  }
  if (alpha !== undefined && plan.alpha !== undefined && region === undefined) {
    limitOpacity(alpha);
    written.push({ layer: plan.alpha.target, samples: alpha });
  }
  const allWarnings = [
    ...plan.warnings,
    ...warnings,
    ...others.flatMap(({ name, built }) => warningsOf(name, built, warnings)),
    ...moving.warnings,
    ...unused(request, withSplit),
    ...unpredicted(request),
    ...(withFireflies && frame.varianceOrigin === 'estimated' ? [unknownFireflies()] : []),
    ...(panorama === 'maybe' ? [maybePanorama()] : []),
    ...alreadyDenoised(header, plan),
    ...saturated(header, written),
  ];
  const lambdaDigest = lambdaFile && (request.digests?.get(lambdaFile) ?? (await digestOf(lambdaFile)));
  const attributes = attributesOf(result.report, plan, {
    variance: frame.varianceOrigin,
    frames: neighbors.length + 1,
    alpha: alphaMode,
    ...(region && { region: [region.x, region.y, region.width, region.height].join(',') }),
    components: withSplit ? 'split' : 'beauty',
    ...(isWrapped && { wrap: 'x' }),
    ...(wrap !== 'auto' && { wrapChoice: wrap }),
    ...(lambdaDigest !== undefined && { lambda: `map ${lambdaDigest}` }),
    ...(request.encoder !== undefined && request.encoder !== 'auto' && { encoderChoice: request.encoder }),
    ...(request.prefilter !== undefined &&
      request.prefilter !== 'auto' && { prefilterChoice: request.prefilter }),
    layers: layersText(request.layers ?? {}),
    view: output.view,
    motion: request.motion === 'auto' ? '' : (request.motion ?? ''),
    files: (plan.files ?? []).join(','),
  });
  for (const [name, value] of Object.entries({ ...finish, strength })) {
    if (value !== undefined) attributes.set(`quietframe:${name}`, stringAttribute(String(value)));
  }
  const { width, height } = color;
  const parameters = withParameters ? parameterChannels(result.parameters ?? [], width, height, factor) : [];
  const mask = withFireflies ? [fireflyMask(result.fireflies, frame.width * frame.height)] : [];
  const auxiliaries = auxiliaryChannels(result.auxiliaries ?? {});
  const inside = result.debug ? debugChannels(result.debug) : [];
  const channels = [...maps.channels, ...mask, ...parameters, ...auxiliaries, ...inside];
  const bytes = await (async () => {
    if (region !== undefined) {
      const image = imageOf(colorChannels(color), regionPlan(plan, region), header, attributes);
      return pool.write(image, signal && { signal });
    }
    if (request.mapsOnly) {
      return pool.write(imageOf(channels, plan, header, attributes), signal && { signal });
    }
    const replacements = withMaps(replacementsOf(written), channels, header, plan);
    const add = addedMaps(channels, header, plan);
    if (factor === 1)
      return pool.replace(output.onto, replacements, { attributes, add, ...(signal && { signal }) });
    const whole = await pool.read(exr, {
      select: ({ name }) => joinedPart(name) === undefined,
      ...(signal && { signal }),
    });
    const image = resizeImage({ parts: ownParts(whole.parts) }, factor);
    return pool.write(replaced(image, replacements, add, attributes), signal && { signal });
  })();
  watch.lap('encode');
  progress(1);

  const { decode, frame: framing, window, encode } = watch.laps;
  const { view, samplesPerPixel } = plan;
  return {
    exr: bytes,
    color,
    noisy: region === undefined ? frame.color : crop(frame.color, region),
    report: {
      ...result.report,
      ...maps.report,
      ...(debug?.pixels && result.debug && { kernels: kernelsReport(result.debug, columns) }),
      seconds: watch.total(),
      input: {
        width: frame.width,
        height: frame.height,
        parts: ownParts(header.parts).length,
        source: plan.source,
        ...(view !== undefined && { view }),
        ...(samplesPerPixel !== undefined && { samplesPerPixel }),
        halfBuffers: halves !== undefined,
        neighbors: neighbors.map(({ offset }) => offset).sort((a, b) => a - b),
        channels: plan.uses,
      },
      varianceOrigin: frame.varianceOrigin,
      components: withSplit ? 'split' : 'beauty',
      wrap: isWrapped ? 'x' : 'none',
      ...(lambdaDigest !== undefined && { lambdaMap: lambdaDigest }),
      motion: origin,
      decoded: cached.succeed(),
      aovs,
      sanitized,
      warnings: allWarnings,
      stages: {
        ...{ decode: decode ?? 0, frame: framing ?? 0 },
        ...(window !== undefined && { window }),
        ...result.report.stages,
        encode: encode ?? 0,
      },
    },
  };
}

/** Samples of a layer that is replaced. */
interface Written {
  readonly layer: PlannedLayer;
  readonly samples: Raster;
}

/** No light below zero and no color in grey that is not in the input; sums of layers stay. */
function limitToInput(
  result: DenoisedLayers,
  { frame, lights }: BuiltFrame,
  planned: readonly AovPlan[],
): void {
  const { color } = result;
  const layersOf = (isGroup: boolean) => {
    const names = planned
      .filter(({ component }) => (component === 'beauty') === isGroup)
      .map(({ name }) => name);
    const denoised = names.map((name) => result.lights.get(name) as Raster);
    return { denoised, noisy: names.map((name) => noisyInSize(lights.get(name) as Raster, color)) };
  };
  if (isGrey([frame.color, ...lights.values()])) {
    for (const layer of [color, ...result.lights.values()]) makeGrey(layer);
  }
  limitLight(color, noisyInSize(frame.color, color), [layersOf(true), layersOf(false)]);
}

/** Makes light fit the alpha that is written, which is returned. */
function fitToAlpha(
  { color, lights, alpha: filtered }: DenoisedLayers,
  { frame, ...noisy }: BuiltFrame,
  irradiance: readonly string[],
): Raster {
  const coverage = coverageOf(frame.alpha as Raster, filtered as Raster);
  applyCoverage(color, frame.color, frame.alpha as Raster, coverage);
  for (const [name, light] of lights) {
    const before = noisy.lights.get(name) as Raster;
    const { diffuseAlbedo } = frame;
    const isBare = diffuseAlbedo !== undefined && irradiance.includes(name);
    const noisyLight = isBare ? recombine(before, diffuseAlbedo) : before;
    applyCoverage(light, noisyLight, frame.alpha as Raster, coverage);
  }
  return coverage.alpha;
}

function isInteger(header: ExrLayout, layer: PlannedLayer | undefined): boolean {
  const channels = header.parts[layer?.part ?? 0]?.channels ?? [];
  return channels.some(({ name, type }) => type === 'uint' && layer?.channels.includes(name));
}

/** Writes what is too bright to be filtered back into the colour. */
function keepBright(
  { color }: DenoisedLayers,
  { frame, bright }: BuiltFrame,
  plan: LayerPlan,
  header: ExrLayout,
): void {
  if (bright.color !== undefined)
    keepBrightRegions(color, bright.color, frame, largestOf(plan.target, header));
}

/** The largest value that the channels of a layer hold. */
function largestOf({ part, channels }: PlannedLayer, header: ExrLayout): number {
  const type = header.parts[part]?.channels.find(({ name }) => name === channels[0])?.type;
  return type === 'half' ? MAX_HALF : MAX_FLOAT;
}

/** Colours of surfaces as they stay in the file. */
async function readSurfaces(
  exr: Uint8Array,
  pool: ExrPool,
  { lights }: LayerPlan,
  signal: AbortSignal | undefined,
): Promise<Image> {
  const surfaces = lights.flatMap(({ surface }) => surface ?? []);
  if (surfaces.length === 0) return { parts: [] };
  return pool.read(exr, {
    select: (part, { name }) =>
      surfaces.some((surface) => surface.part === part.index && surface.channels.includes(name)),
    ...(signal && { signal }),
  });
}

/** Light has fractions: integers cannot hold a result. */
function checkTypes(header: ExrLayout, { target, lights, alpha }: LayerPlan, withAlpha: boolean): void {
  const written = [target, ...lights.map(({ layer }) => layer)];
  if (withAlpha && alpha !== undefined) written.push(alpha.target);
  for (const { part, channels } of written) {
    for (const name of channels) {
      const type = header.parts[part]?.channels.find((channel) => channel.name === name)?.type;
      if (type !== 'uint') continue;
      const message = expected(
        'half or float samples',
        `channel ${JSON.stringify(name)} of part ${part}`,
        type,
      );
      throw new QuietframeError('unsupported-exr', message, { layer: name });
    }
  }
}

/** Maps of errors, samples and fireflies, and auxiliaries, are of the renderer's pixels, which are not those of a magnified file. */
function checkFinish({ finish, guide, strength }: DenoiseExrRequest, withMaps: boolean): void {
  const options = { ...finish, ...(strength !== undefined && { strength }) };
  checkFinishOptions(options);
  const { upscale = 1 } = options;
  if (upscale !== 1 && withMaps) {
    throw wrong('no error, samples, fireflies or auxiliaries with upscale', 'outputs', 'one');
  }
  if (guide !== undefined && upscale === 1) throw wrong('an upscale factor above 1', 'the guide', 'none');
}

function wrong(range: string, parameter: string, received: unknown): QuietframeError {
  return new QuietframeError('invalid-argument', expected(range, parameter, received), { parameter });
}

/** The slots of a window; frames that do not have one of their own cannot be told apart. */
function checkNeighbours(neighbors: readonly Neighbor[]): void {
  if (neighbors.length >= MAX_WINDOW) {
    throw wrong(`at most ${MAX_WINDOW} frames`, 'the window', `${neighbors.length + 1}`);
  }
  const seen = new Set<number>();
  for (const { offset } of neighbors) {
    if (!Number.isInteger(offset) || offset === 0 || seen.has(offset)) {
      throw wrong('whole numbers other than 0, each once,', 'the offsets of neighbors', offset);
    }
    seen.add(offset);
  }
}

function checkChoices(
  { components, finish, lambda, lambdaMap }: DenoiseExrRequest,
  withParameters: boolean,
): void {
  if (lambda !== undefined && lambdaMap !== undefined) throw wrong('a number or a map', 'lambda', 'both');
  if (components !== 'split' || (finish === undefined && !withParameters)) return;
  throw wrong('beauty with upscale, deblur and parameters', 'components', components);
}

/** The levels of a frame that is denoised as a whole and in its own size. */
function checkDebug({ components, finish }: DenoiseExrRequest): void {
  const range =
    'none of levels, blend-weights, window-shares, gate and kernels with components=split, upscale and deblur';
  if (components === 'split' || finish !== undefined) throw wrong(range, 'outputs', 'one');
}

/** Warnings about a frame of the window that do not hold for the centre, too. */
function warningsOf(frame: string, { warnings }: BuiltFrame, known: readonly InputWarning[]): InputWarning[] {
  return warnings
    .filter(({ code, layer }) => !known.some((other) => other.code === code && other.layer === layer))
    .map((warning) => ({ ...warning, frame }));
}

/** What was sent or asked for in vain. */
function unused({ neighbors = [], components }: DenoiseExrRequest, withSplit: boolean): InputWarning[] {
  const warnings: InputWarning[] = [];
  const distant = neighbors.filter(({ offset }) => Math.abs(offset) > REACH);
  if (distant.length > 0) {
    const message = `${distant.length} frames are more than ${REACH} away from the one that is denoised and were not used`;
    warnings.push({ code: 'distant-frames', message });
  }
  if (components === 'split' && !withSplit) {
    const message = 'The file has no diffuse and specular split: the beauty was denoised as a whole';
    warnings.push({ code: 'no-split', message });
  }
  return warnings;
}

/** What is predicted of the error does not hold for the request. */
function unpredicted({ maps = {}, lambda = 1, lambdaMap }: DenoiseExrRequest): InputWarning[] {
  if (!needsErrors(maps) || (lambda === 1 && lambdaMap === undefined)) return [];
  const message =
    'Errors are predicted at lambda = 1, and so are samples and the target: a higher lambda keeps more noise than they tell';
  return [{ code: 'lambda-not-predicted', message }];
}

function unknownFireflies(): InputWarning {
  const message =
    'Fireflies are told from lamps by a measured variance (a layer, or two half buffers) and the file has none: the mask is empty';
  return { code: 'no-fireflies', message };
}

function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new QuietframeError('cancelled', 'The work on a frame was cancelled');
}

/** Scale compositing may overshoot, and opacity ends at 1. */
function limitOpacity({ data }: Raster): void {
  for (let i = 0; i < data.length; i++) data[i] = Math.min(1, Math.max(0, data[i] as number));
}

function replacementsOf(written: readonly Written[]): Map<number, Map<string, Float32Array | Uint32Array>> {
  const replacements = new Map<number, Map<string, Float32Array | Uint32Array>>();
  for (const { layer, samples } of written) {
    const channels = replacements.get(layer.part) ?? new Map<string, Float32Array | Uint32Array>();
    replacements.set(layer.part, channels);
    for (const name of new Set(layer.channels)) channels.set(name, meanOfPlanes(samples, layer, name));
  }
  return replacements;
}

/** Samples of a channel; the mean of those that stand for it where luminance alone is read as grey. */
function meanOfPlanes(samples: Raster, { channels }: PlannedLayer, name: string): Float32Array {
  const planes = channels.flatMap((channel, c) => (channel === name ? [plane(samples, c)] : []));
  const [first, ...others] = planes as [Float32Array, ...Float32Array[]];
  const mean = first.slice();
  if (others.length === 0) return mean;
  for (let i = 0; i < mean.length; i++) {
    let sum = mean[i] as number;
    for (const other of others) sum += other[i] as number;
    mean[i] = sum / planes.length;
  }
  return mean;
}

/** Everything of a resized image, but for what is replaced and added. */
function replaced(
  image: Image,
  replacements: ReadonlyMap<number, ReadonlyMap<string, Float32Array | Uint32Array>>,
  added: readonly AddedChannel[],
  attributes: ReadonlyMap<string, Attribute>,
): Image {
  const parts = image.parts.map((part, index) => {
    const planes = new Map(part.planes);
    for (const [name, data] of replacements.get(index) ?? []) {
      planes.set(name, { name, type: 'float', ...planes.get(name), data });
    }
    for (const { part: wanted, ...channel } of added) if (wanted === index) planes.set(channel.name, channel);
    return { ...part, attributes: new Map([...part.attributes, ...attributes]), planes };
  });
  return { parts };
}

/** The pixels of a region as a picture of their own. */
function crop(picture: Raster, { x, y, width, height }: Tile): Raster {
  const cropped = raster(width, height, picture.channels);
  for (let c = 0; c < picture.channels; c++) {
    for (let row = 0; row < height; row++) {
      const from = (c * picture.height + y + row) * picture.width + x;
      cropped.data.set(picture.data.subarray(from, from + width), (c * height + row) * width);
    }
  }
  return cropped;
}

function colorChannels(color: Raster): MapChannel[] {
  return ['R', 'G', 'B'].map((name, c) => ({ name, type: 'float', data: plane(color, c) }));
}

/** The plan with a region for its data window. */
function regionPlan(plan: LayerPlan, { x, y, width, height }: Tile): LayerPlan {
  const [xMin, yMin] = [plan.dataWindow.xMin + x, plan.dataWindow.yMin + y];
  return { ...plan, dataWindow: { xMin, yMin, xMax: xMin + width - 1, yMax: yMin + height - 1 } };
}

/** A file of maps alone, with the windows of the frame. */
function imageOf(
  channels: readonly MapChannel[],
  { target, dataWindow }: LayerPlan,
  header: ExrLayout,
  attributes: Map<string, Attribute>,
): Image {
  const displayWindow = header.parts[target.part]?.displayWindow ?? dataWindow;
  const planes = new Map(channels.map((channel) => [channel.name, channel]));
  return { parts: [{ name: '', view: undefined, dataWindow, displayWindow, attributes, planes }] };
}

/** Maps that an earlier run has written take the place of those. */
function hasChannel(header: ExrLayout, { target }: LayerPlan, { name, type }: MapChannel): boolean {
  const found = header.parts[target.part]?.channels.find((channel) => channel.name === name);
  if (found === undefined || found.type === type) return found !== undefined;
  const message = expected(
    `${type} samples`,
    `channel ${JSON.stringify(name)} of part ${target.part}`,
    found.type,
  );
  throw new QuietframeError('unsupported-exr', message, { layer: name });
}

function withMaps(
  replacements: Map<number, Map<string, Float32Array | Uint32Array>>,
  channels: readonly MapChannel[],
  header: ExrLayout,
  plan: LayerPlan,
): Map<number, Map<string, Float32Array | Uint32Array>> {
  const { part } = plan.target;
  const present = channels.filter((channel) => hasChannel(header, plan, channel));
  if (present.length === 0) return replacements;
  const replaced = new Map(replacements.get(part));
  for (const { name, data } of present) replaced.set(name, data);
  return new Map([...replacements, [part, replaced]]);
}

function addedMaps(channels: readonly MapChannel[], header: ExrLayout, plan: LayerPlan): AddedChannel[] {
  const { part } = plan.target;
  return channels
    .filter((channel) => !hasChannel(header, plan, channel))
    .map((channel) => ({ part, ...channel }));
}

/** How the file was made; nothing that differs from run to run, so that the same input gives the same bytes. */
function attributesOf(
  report: DenoiseReport,
  plan: LayerPlan,
  more: Readonly<
    Record<
      'variance' | 'frames' | 'alpha' | 'components' | 'layers' | 'motion' | 'view' | 'files',
      string | number
    > &
      Partial<
        Record<'lambda' | 'region' | 'encoderChoice' | 'prefilterChoice' | 'wrap' | 'wrapChoice', string>
      >
  >,
): Map<string, ReturnType<typeof stringAttribute>> {
  const texts = {
    model: report.model,
    version: report.version,
    encoder: report.encoder,
    device: report.device,
    lambda: report.lambda,
    source: plan.source,
    ...more,
    aovs: plan.lights.map(({ name }) => name).join(', '),
    software: `quietframe ${VERSION}`,
  };
  return new Map(
    Object.entries(texts)
      .filter(([, value]) => value !== '')
      .map(([name, value]) => [`quietframe:${name}`, stringAttribute(String(value))]),
  );
}

function alreadyDenoised(header: ExrLayout, plan: LayerPlan): InputWarning[] {
  if (!header.parts[plan.layers.color.part]?.attributes.has('quietframe:model')) return [];
  return [
    {
      code: 'already-denoised',
      message: 'The file says that quietframe has denoised it before',
      layer: 'color',
    },
  ];
}

function saturated(header: ExrLayout, written: readonly Written[]): InputWarning[] {
  let count = 0;
  for (const { layer, samples } of written) {
    for (const [c, name] of layer.channels.entries()) {
      if (layer.channels.indexOf(name) !== c) continue;
      const channel = header.parts[layer.part]?.channels.find((candidate) => candidate.name === name);
      if (channel?.type !== 'half') continue;
      // An iterator takes ten times as long, on the thread that answers others.
      const values = plane(samples, c);
      for (let i = 0; i < values.length; i++) if (Math.abs(values[i] as number) > MAX_HALF) count++;
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
