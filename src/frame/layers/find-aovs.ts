import type { ChannelGroup } from './channel-groups.js';
import type { Companions, Warn } from './companions.js';
import { isDenoisedCopy } from './layer-names.js';
import { type AovPlan, type LayerPlan, layerKey, type ResolveOptions } from './layer-plan.js';
import { type LayerTable, type Match, prefixesBefore } from './layer-table.js';
import type { LightLayer } from './render-source.js';
import { generic } from './sources/generic.js';

/** The colour with what lights must not be: itself, and the beauty that its result is written to. */
export interface Beauties {
  readonly color: Match;
  readonly target: Match;
}

/** Names behind a light group's prefix that are no lights: measures and copies of the beauty. */
const NO_LIGHT = /(^|[._])(albedo|variance|var|mse|std\w*|noise|crypto\w*)\d*$/i;

/**
 * Layers of light beside the colour, every layer once. What another denoiser has made of the beauty is none of them, unless
 * a request names it.
 * @throws QuietframeError as `Companions.asked`.
 */
export function findAovs(
  table: LayerTable,
  companions: Companions,
  { color, target }: Beauties,
  { diffuseDirect, diffuseIndirect }: LayerPlan['layers'],
  { aovs = [] }: Pick<ResolveOptions, 'aovs'>,
  warn: Warn,
): AovPlan[] {
  const irradiance = [diffuseDirect, diffuseIndirect].flatMap((layer) => (layer ? [layerKey(layer)] : []));
  const beauties = [color, target].map(({ layer }) => layerKey(layer));
  const known = [...new Set([...table.source.lights, ...generic.lights])];
  const found =
    aovs === 'all' ? all(table, companions, known) : aovs.map((name) => companions.asked('light', name));
  const entries = new Map<string, LightLayer>();
  for (const light of known.toReversed()) {
    for (const same of table.matches(light.layer)) entries.set(layerKey(same.layer), light);
  }
  const lights = new Map<string, AovPlan>();
  const names = new Set<string>();
  for (const { group, prefix, layer } of found) {
    const key = layerKey(layer);
    if (beauties.includes(key) || lights.has(key)) continue;
    const name = nameOf(group.layer, [color.prefix, prefix], names);
    names.add(name);
    const entry = entries.get(key);
    const surface = entry && surfaceOf(table, entry, group, companions);
    if (entry?.surface !== undefined && surface === undefined) {
      const message = `${group.layer} is filtered without the surface's colour: none of the file's layers can be used for it`;
      warn('missing-surface', message, group.layer);
    }
    lights.set(key, {
      name,
      layer,
      ...(surface && { surface: surface.layer }),
      component: irradiance.includes(key)
        ? 'irradiance'
        : entry === undefined || entry.isGroup
          ? 'beauty'
          : 'specular',
    });
  }
  if (aovs === 'all' && lights.size === 0) {
    warn('no-lights', `No layer of light was found beside the colour of a ${table.source.name} file`);
  }
  return [...lights.values()];
}

function all(table: LayerTable, companions: Companions, known: readonly LightLayer[]): Match[] {
  return known.flatMap(({ layer: alias }) =>
    table
      .matches(alias)
      .filter(
        (match) =>
          companions.isOwn(match) &&
          table.unreadable(match.group) === undefined &&
          !isDenoisedCopy(match.group.layer) &&
          !NO_LIGHT.test(match.group.layer),
      ),
  );
}

/** The surface's colour of the light's own view layer. */
function surfaceOf(
  table: LayerTable,
  { layer, surface }: LightLayer,
  light: ChannelGroup,
  companions: Companions,
): Match | undefined {
  if (surface === undefined) return undefined;
  const [own] = prefixesBefore(light.layer, layer.slice(0, layer.lastIndexOf('.')));
  return table
    .matches(surface)
    .find(
      ({ group, prefix }) =>
        prefix === own && companions.isBeside(group) && table.unreadable(group) === undefined,
    );
}

/** The layer's name without its view layer, unless another light goes by it. */
function nameOf(layer: string, prefixes: readonly string[], taken: ReadonlySet<string>): string {
  const prefix = prefixes.find((each) => each !== '' && layer.startsWith(`${each}.`)) ?? '';
  const short = prefix === '' ? layer : layer.slice(prefix.length + 1);
  return taken.has(short) ? layer : short;
}
