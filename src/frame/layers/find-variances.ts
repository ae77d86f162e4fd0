import type { ChannelGroup } from './channel-groups.js';
import type { Companions, Warn } from './companions.js';
import { isMoment } from './layer-names.js';
import type { LayerPlan, PlannedLayer, PlannedVariance, ResolveOptions } from './layer-plan.js';
import { channelsOf, type LayerTable, type Match } from './layer-table.js';
import type { VarianceRole } from './render-source.js';

/** Layers whose variances are looked for. */
export interface Measured {
  readonly color: Match;
  readonly albedo: Match | undefined;
  readonly normal: Match | undefined;
}

/**
 * Layers of variance that belong to the colour, by the table of the renderer or by name. Those that need the number of samples
 * are left out where that is not known, with a warning.
 */
export function findVariances(
  table: LayerTable,
  companions: Companions,
  measured: Measured,
  { layers = {} }: Pick<ResolveOptions, 'layers'>,
  samplesPerPixel: number | undefined,
  warn: Warn,
): LayerPlan['variances'] {
  const found: Partial<Record<VarianceRole, PlannedVariance>> = {};
  for (const { role, layer, kind } of table.source.variances) {
    if (found[role] !== undefined || layers[role] !== undefined) continue;
    const match = companions.fitting(layer, role);
    if (match !== undefined) found[role] = { ...match.layer, kind };
  }
  for (const role of ['colorVariance', 'albedoVariance', 'normalVariance'] as const) {
    const asked = layers[role];
    const joined = asked === 'none' ? undefined : companions.fromFile(role);
    if (joined !== undefined) found[role] = { ...joined.layer, kind: 'mean' };
    if (asked === undefined || asked === 'none' || joined !== undefined) continue;
    found[role] = { ...companions.asked(role, asked).layer, kind: 'mean' };
  }
  addMoments(table, companions, measured, layers, found);
  const needy = Object.values(found).filter((variance) => variance.kind !== 'mean');
  if (samplesPerPixel === undefined && needy.length > 0) {
    const shown = needy.map((variance) => variance.channels.join(', ')).join('; ');
    warn(
      'samples-unknown',
      `The variance of ${shown} is of samples and the file does not tell their number: it is not used`,
    );
    return Object.fromEntries(Object.entries(found).filter(([, variance]) => variance.kind === 'mean'));
  }
  return found;
}

function addMoments(
  table: LayerTable,
  companions: Companions,
  { color, albedo, normal }: Measured,
  layers: NonNullable<ResolveOptions['layers']>,
  found: Partial<Record<VarianceRole, PlannedVariance>>,
): void {
  const prefix = table.source.secondMomentPrefix;
  if (prefix === undefined) return;
  const secondOf = ({ part, view, layer }: ChannelGroup, suffixes: string): PlannedLayer | undefined => {
    const dot = layer.lastIndexOf('.') + 1;
    const names = [prefix + layer, layer.slice(0, dot) + prefix + layer.slice(dot)];
    const group = table.groups.find(
      (other) => other.part === part && other.view === view && names.includes(other.layer),
    );
    return group === undefined ? undefined : channelsOf(group, suffixes);
  };
  const set = (role: VarianceRole, group: ChannelGroup | undefined, suffixes: string): void => {
    if (group === undefined || found[role] !== undefined || layers[role] === 'none') return;
    const second = secondOf(group, suffixes);
    const mean = channelsOf(group, suffixes);
    if (second !== undefined && mean !== undefined) found[role] = { ...second, kind: 'second-moment', mean };
  };
  set('albedoVariance', albedo?.group, 'RGB');
  set('normalVariance', normal?.group, 'XYZ');
  const own = table.groups
    .filter((group) => group.part === color.group.part && !isMoment(group.layer, table.source))
    .filter((group) => companions.isBeside(group))
    .sort((a, b) => a.layer.split('.').length - b.layer.split('.').length);
  // The copy of the beauty has an alpha; the integrator's own colour is CIE XYZ and has the shortest name.
  for (const group of own) if (group.channels.has('A')) set('colorVariance', group, 'RGB');
  for (const group of own) if (group !== normal?.group) set('colorVariance', group, 'XYZ');
}
