import pMap from 'p-map';
import { parameterChannels } from '../../denoise/pkn/parameter-channels.js';
import { invalidArgument, QuietframeError } from '../../errors.js';
import { stringAttribute } from '../../exr/attribute.js';
import type { ExrPool } from '../../exr/pool.js';
import {
  type LayerPlan,
  layersText,
  resolveLayers,
  resolveViews,
} from '../../frame/layers/resolve-layers.js';
import { looksLikePanorama } from '../../frame/panorama.js';
import { rasterOf } from '../../frame/planned-image.js';
import { withoutSurface } from '../../frame/surface.js';
import { keepBrightRegions } from '../../image/bright-regions.js';
import type { Image } from '../../image/image.js';
import { joinedPart, ownParts } from '../../image/joined-parts.js';
import type { Raster } from '../../image/raster.js';
import { digestOf } from '../../io/sha256.js';
import { checkEffects } from '../check-effects.js';
import { buildFrameOffThread } from '../run-off-thread.js';
import { alignGuides } from '../window/align-guides.js';
import { checkFit, checkWindow } from '../window/check-fit.js';
import { CachedFrames } from '../window/frame-cache.js';
import { type LoadedFrame, loadFrame, type NamedFile, naming } from '../window/load-frame.js';
import { readPlanned } from '../window/read-planned.js';
import { windowMotion } from '../window/window-motion.js';
import { attributesOf } from './attributes.js';
import { checkChoices, checkDebug, checkFinish, checkNeighbours, checkTypes } from './check-request.js';
import { denoiseBeauty, denoiseSplit } from './components.js';
import { isTransparent } from './coverage.js';
import { debugChannels, debugRequest, isDebugOutput, kernelsReport } from './debug-channels.js';
import { denoiseViews } from './denoise-views.js';
import { readLambdaMap } from './lambda-map.js';
import { fitToAlpha, isInteger, keepBright, largestOf, limitOpacity, limitToInput } from './limits.js';
import {
  auxiliaryChannels,
  checkAuxiliaries,
  checkMaps,
  fireflyMask,
  type Maps,
  makeMaps,
  needsErrors,
} from './maps.js';
import { resizeImage } from './resize-image.js';
import { Stopwatch } from './stopwatch.js';
import type { DenoisedExr, DenoiseExrRequest, DenoiseExrServices } from './types.js';
import {
  alreadyDenoised,
  saturated,
  unknownFireflies,
  unpredicted,
  unused,
  type Written,
  warningsOf,
} from './warnings.js';
import { maybePanorama, unwrapLayers, wrapRaster, wrapReach, wrapRegion, wrapWindow } from './wrap.js';
import {
  addedMaps,
  colorChannels,
  crop,
  imageOf,
  regionPlan,
  replaced,
  replacementsOf,
  withMaps,
} from './write-result.js';

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
  if (wrap === 'x' && !mayWrap)
    throw invalidArgument('none or auto with upscale, deblur and parameters', 'wrap', wrap);
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

function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new QuietframeError('cancelled', 'The work on a frame was cancelled');
}
