import { expected, QuietframeError } from '../../errors.js';
import type { InputWarning } from '../frame.js';
import { namedMotion } from '../motion/motion.js';
import { byName } from './channel-groups.js';
import { Companions, type Warn } from './companions.js';
import { sourceOf } from './detect-source.js';
import { findAovs } from './find-aovs.js';
import { colorViews, type FoundColor, findColor } from './find-color.js';
import { findVariances } from './find-variances.js';
import { JoinedLayers, splitParts } from './joined-layers.js';
import { type LayerPlan, type PlannedLayer, type ResolveOptions, usesOf } from './layer-plan.js';
import { alphaOf, LayerTable, type Match, shorten } from './layer-table.js';
import type { PartChannels } from './part-channels.js';
import type { MotionConvention } from './render-source.js';
import { ROLES } from './render-source.js';

export { detectSource } from './detect-source.js';
export {
  type AovPlan,
  type ChannelUse,
  type LayerPlan,
  layersText,
  type PlannedLayer,
  type ResolveOptions,
} from './layer-plan.js';
export { SOURCES } from './source-list.js';

/**
 * Finds out which channel of which part plays which role. The order of parts and channels does not matter.
 * @throws QuietframeError `missing-layer` when there is no colour or a layer that was asked for by name, naming what was
 * looked for; `invalid-argument` for an unknown source, role, view or convention of motion, or for a name that fits several
 * layers; `unsupported-exr` where the samples of the colour cannot be decoded.
 */
export function resolveLayers(all: readonly PartChannels[], options: ResolveOptions = {}): LayerPlan {
  const split = splitParts(all);
  const parts = split.own;
  const table = tableOf(parts, options);
  const warnings: InputWarning[] = [];
  const warn: Warn = (code, message, layer) => {
    const warning = { code, message, ...(layer === undefined ? {} : { layer }) };
    if (!warnings.some((known) => known.code === code && known.message === message)) warnings.push(warning);
  };
  const found = findColor(table, options);
  const color = found.match;
  warnOthers(found, options, warn);
  const joined = new JoinedLayers(split, table.source, found, options);
  const companions = new Companions(table, found, joined, warn);
  const albedo = companions.find('albedo', options);
  const normal = companions.find('normal', options);
  if (albedo === undefined) warnMissing('albedo', table, companions, options, warn);
  if (normal === undefined) warnMissing('normal', table, companions, options, warn);
  const layers = layersOf(companions, options, { color, albedo, normal });
  const target = targetOf(table, found, companions);
  const samplesPerPixel = options.samplesPerPixel ?? samplesAttribute(parts);
  const variances = findVariances(
    table,
    companions,
    { color, albedo, normal },
    options,
    samplesPerPixel,
    warn,
  );
  const lights = findAovs(table, companions, { color, target }, layers, options, warn);
  const alphaTarget = alphaOf(target);
  const alpha = alphaTarget && { read: alphaOf(color) ?? alphaTarget, target: alphaTarget };
  return {
    source: table.source.name,
    view: color.group.view,
    dataWindow: table.window(color),
    layers,
    isAlbedoGuessed: albedo?.isGuessed ?? false,
    variances,
    lights,
    target: target.layer,
    alpha,
    samplesPerPixel,
    normalSpace: table.source.normalSpace,
    motionConvention: motionConvention(table, layers.motion, options),
    ...(joined.roles.length > 0 && { files: joined.roles }),
    uses: usesOf({ layers, variances, lights, alpha, target: target.layer }),
    warnings,
  };
}

/**
 * The stereo views that have a colour, in the order in which they are preferred; none in a file without views.
 * @throws QuietframeError as `resolveLayers`.
 */
export function resolveViews(parts: readonly PartChannels[], options: ResolveOptions = {}): string[] {
  return colorViews(tableOf(splitParts(parts).own, options), options).filter((view) => view !== undefined);
}

function tableOf(
  parts: readonly PartChannels[],
  { source = 'auto', layers = {} }: ResolveOptions,
): LayerTable {
  for (const role of Object.keys(layers)) {
    if (ROLES.some((known) => known === role)) continue;
    throw new QuietframeError('invalid-argument', expected(`one of ${ROLES.join(', ')}`, 'a role', role), {
      parameter: 'layers',
    });
  }
  return new LayerTable(parts, sourceOf(parts, source));
}

function layersOf(
  companions: Companions,
  options: ResolveOptions,
  { color, albedo, normal }: { color: Match; albedo: Match | undefined; normal: Match | undefined },
): LayerPlan['layers'] {
  const [depth, motion, direct, indirect, surface] = (
    ['depth', 'motion', 'diffuseDirect', 'diffuseIndirect', 'diffuseColor'] as const
  ).map((role) => companions.find(role, options)?.layer);
  // The split is of use only as a whole.
  const split = direct && indirect && surface;
  return {
    color: color.layer,
    ...(albedo && { albedo: albedo.layer }),
    ...(normal && { normal: normal.layer }),
    ...(depth && { depth }),
    ...(motion && { motion }),
    ...(split && { diffuseDirect: direct, diffuseIndirect: indirect, diffuseColor: surface }),
  };
}

/** Where the result goes: the beauty that others read, where the colour is better read from another layer. */
function targetOf(table: LayerTable, { match: color, isUsual }: FoundColor, companions: Companions): Match {
  if (!isUsual) return color;
  for (const alias of table.source.target ?? []) {
    const target = table
      .matches(alias)
      .find(
        (match) =>
          companions.isOwn(match) &&
          table.unreadable(match.group) === undefined &&
          new Set(match.layer.channels).size === new Set(color.layer.channels).size,
      );
    if (target !== undefined) return target;
  }
  return color;
}

function warnOthers({ match: color, candidates }: FoundColor, options: ResolveOptions, warn: Warn): void {
  const views = [...new Set(candidates.map(({ group }) => group.view))].filter(
    (view) => view !== color.group.view,
  );
  if (views.length > 0 && options.view === undefined) {
    const others = views.map((view) => view ?? 'the one without a name').join(', ');
    warn(
      'other-views',
      `Only the view ${color.group.view} is denoised, not ${others}: view=NAME chooses one, view=all denoises each`,
    );
  }
  const inView = candidates.filter(({ group }) => group.view === color.group.view);
  const prefixes = [...new Set(inView.map(({ prefix }) => prefix))].filter(
    (prefix) => prefix !== color.prefix,
  );
  if (prefixes.length > 0) {
    const others = prefixes.map((each) => each || 'the one without a name').join(', ');
    const own = color.prefix || 'without a name';
    warn(
      'other-layers',
      `Only the view layer ${own} is denoised, not ${others}: layer color=NAME chooses one`,
    );
  }
}

function warnMissing(
  role: 'albedo' | 'normal',
  table: LayerTable,
  companions: Companions,
  { layers }: ResolveOptions,
  warn: Warn,
): void {
  if (layers?.[role] === 'none') return;
  const { others, unreadable } = companions.foreign(role);
  const reasons = [
    ...(others.length > 0 ? [`${shorten(others)} belongs to another colour`] : []),
    ...(unreadable.length > 0 ? [`${shorten(unreadable)} cannot be decoded`] : []),
  ];
  const reason = reasons.length > 0 ? reasons.join('; ') : `Looked for ${table.aliases(role).join(', ')}`;
  warn(`missing-${role}`, `No ${role} was found: detail will be lost. ${reason}`, role);
}

/** @throws QuietframeError `missing-layer` where a convention is named and there are no vectors. */
function motionConvention(
  table: LayerTable,
  layer: PlannedLayer | undefined,
  { motion = 'auto' }: ResolveOptions,
): MotionConvention {
  if (motion === 'auto') return table.source.motionConvention;
  const named = namedMotion(motion);
  const channels = /^(cycles|to-both)/.test(named) ? 4 : 2;
  if (named === 'unknown' || (layer?.channels.length ?? 0) >= channels) return named;
  const range = `a layer of ${channels} channels for motion=${motion}`;
  const received = layer === undefined ? 'none' : layer.channels.join(', ');
  throw new QuietframeError('missing-layer', expected(range, 'the role motion', received), {
    layer: 'motion',
  });
}

/** pbrt's header tells the number of samples. */
function samplesAttribute(parts: readonly PartChannels[]): number | undefined {
  for (const { attributes } of [...parts].sort((a, b) => byName(a.name, b.name))) {
    const attribute = attributes.get('samplesPerPixel');
    if (attribute?.type !== 'int' || attribute.value.length !== 4) continue;
    const { buffer, byteOffset } = attribute.value;
    const samples = new DataView(buffer, byteOffset, 4).getInt32(0, true);
    if (samples > 0) return samples;
  }
  return undefined;
}
