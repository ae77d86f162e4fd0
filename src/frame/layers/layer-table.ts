import { expected, QuietframeError } from '../../errors.js';
import { type Box, boxHeight, boxWidth } from '../../image/image.js';
import { type ChannelGroup, channelGroups } from './channel-groups.js';
import { cannotBeAlbedo, isAddedResult, isMoment, lastComponent } from './layer-names.js';
import type { PictureRole, PlannedLayer } from './layer-plan.js';
import type { PartChannels } from './part-channels.js';
import type { LayerAlias, RenderSource, Role } from './render-source.js';
import { generic } from './sources/generic.js';

/** Channels by suffix for a layer that was asked for by name. */
export const SUFFIXES: Readonly<Record<Role | 'light', readonly string[]>> = {
  color: ['RGB', 'XYZ', 'YYY'],
  albedo: ['RGB', 'XYZ', 'YYY'],
  normal: ['XYZ', 'RGB'],
  depth: ['Z', 'T', 'V', 'X', 'R', 'Y'],
  motion: ['XYZW', 'XY', 'UV', 'RGBA', 'RG'],
  colorVariance: ['RGB', 'XYZ', 'YYY'],
  albedoVariance: ['RGB', 'XYZ', 'YYY'],
  normalVariance: ['XYZ', 'RGB'],
  diffuseDirect: ['RGB'],
  diffuseIndirect: ['RGB'],
  diffuseColor: ['RGB'],
  light: ['RGB', 'YYY'],
};

/** A group of channels that fits an alias; `prefix` is what stands before the alias: the view layer. */
export interface Match {
  readonly group: ChannelGroup;
  readonly prefix: string;
  readonly layer: PlannedLayer;
  /** The part of a colour was taken without regard to its name: it is a picture by itself. */
  readonly isWholePart?: boolean;
}

/** The layers of a file and the names that its renderer gives them. */
export class LayerTable {
  readonly parts: readonly PartChannels[];
  readonly source: RenderSource;
  readonly groups: readonly ChannelGroup[];
  readonly #found = new Map<LayerAlias, readonly Match[]>();
  /** By the last component of their names in lower case: files may have thousands of layers, and tables have hundreds of names. */
  readonly #byLast: ReadonlyMap<string, readonly ChannelGroup[]>;

  constructor(parts: readonly PartChannels[], source: RenderSource) {
    this.parts = parts;
    this.source = source;
    this.groups = channelGroups(parts);
    const byLast = new Map<string, ChannelGroup[]>();
    for (const group of this.#rendered()) {
      const last = lastComponent(group.layer).toLowerCase();
      const known = byLast.get(last);
      if (known === undefined) byLast.set(last, [group]);
      else known.push(group);
    }
    this.#byLast = byLast;
  }

  part(group: ChannelGroup): PartChannels {
    return this.parts[group.part] as PartChannels;
  }

  /** Why the samples of a layer cannot be decoded, if they cannot. */
  unreadable(group: ChannelGroup): string | undefined {
    return this.part(group).unreadable?.received;
  }

  window(match: Match): Box {
    return this.part(match.group).dataWindow;
  }

  /** Names of a role: those of the renderer, then those that many use. */
  aliases(role: PictureRole): readonly LayerAlias[] {
    return [...new Set([...(this.source.roles[role] ?? []), ...(generic.roles[role] ?? [])])];
  }

  /** Layers that go by a name of the tables. `*` fits those that have no other meaning. */
  matches(alias: LayerAlias): readonly Match[] {
    const found = this.#found.get(alias) ?? this.#search(alias);
    this.#found.set(alias, found);
    return found;
  }

  #search(alias: LayerAlias): Match[] {
    const dot = alias.lastIndexOf('.');
    const suffixes = alias.slice(dot + 1);
    const wanted = alias.slice(0, Math.max(0, dot));
    return this.#candidates(wanted).flatMap((group): Match[] => {
      const layer = channelsOf(group, suffixes);
      if (layer === undefined || isMoment(group.layer, this.source)) return [];
      if (wanted !== '*') {
        return prefixesBefore(group.layer, wanted).map((prefix) => ({ group, prefix, layer }));
      }
      const isFree =
        group.layer !== '' &&
        group.channels.size === suffixes.length &&
        !this.#isVariance(group) &&
        !(suffixes === 'RGB' && cannotBeAlbedo(group.layer));
      return isFree ? [{ group, prefix: '', layer }] : [];
    });
  }

  /** Groups that may go by a name, without looking at all of them. */
  #candidates(wanted: string): readonly ChannelGroup[] {
    if (!wanted.endsWith('*')) return this.#byLast.get(lastComponent(wanted).toLowerCase()) ?? [];
    const stem = wanted.slice(0, -1).toLowerCase();
    return this.#rendered().filter(({ layer }) => layer.toLowerCase().includes(stem));
  }

  #rendered(): readonly ChannelGroup[] {
    return this.groups.filter(({ layer }) => !isAddedResult(layer));
  }

  /**
   * Layers that a request names for a role: by their whole name, with or without the part and the view, or by the end of it.
   * @throws QuietframeError `missing-layer`; `unsupported-exr` where the samples cannot be decoded.
   */
  named(role: Role | 'light', name: string): Match[] {
    for (const suffixes of SUFFIXES[role]) {
      const matches = this.groups.flatMap((group): Match[] => {
        const layer = channelsOf(group, suffixes);
        const prefixes = this.#fullNames(group).flatMap((own) => prefixesBefore(own, name));
        const shortest = prefixes.sort((a, b) => a.length - b.length)[0];
        return shortest === undefined || layer === undefined ? [] : [{ group, prefix: shortest, layer }];
      });
      const exact = matches.filter((match) => match.prefix === '');
      const found = exact.length > 0 ? exact : matches;
      const readable = found.filter(({ group }) => this.unreadable(group) === undefined);
      if (readable.length > 0) return readable;
      if (found[0] !== undefined) throw this.unreadableError(found[0]);
    }
    const range = `a layer with the channels ${SUFFIXES[role].join(' or ').replaceAll('YYY', 'Y')}`;
    throw new QuietframeError('missing-layer', expected(range, `the role ${role}`, name), { layer: name });
  }

  unreadableError({ group }: Match): QuietframeError {
    const part = `part ${JSON.stringify(this.part(group).name)}, which holds the layer ${group.layer || 'without a name'},`;
    const message = expected('samples that can be decoded', part, this.unreadable(group) ?? '');
    return new QuietframeError('unsupported-exr', message, { layer: group.layer });
  }

  #fullNames(group: ChannelGroup): string[] {
    const { layer, view } = group;
    const { name } = this.part(group);
    const isWholePart = name === '' || layer === '' || group.isNamedByPart;
    const names = [layer, isWholePart ? name : `${name}.${layer}`];
    if (view !== undefined) names.push(`${layer}.${view}`);
    return names.filter((full) => full !== '');
  }

  #isVariance(group: ChannelGroup): boolean {
    return this.source.variances.some(
      ({ layer }) => prefixesBefore(group.layer, layer.slice(0, layer.lastIndexOf('.'))).length > 0,
    );
  }
}

/**
 * What stands before a layer's name in that of a group, in any case of letters; none where the name does not end with it. A
 * name that ends with `*` stands for any rest, which may hold dots: it may begin at several places.
 */
export function prefixesBefore(own: string, layer: string): string[] {
  const [name, wanted] = [own.toLowerCase(), layer.toLowerCase()];
  if (!wanted.endsWith('*')) {
    if (name === wanted) return [''];
    return wanted !== '' && name.endsWith(`.${wanted}`) ? [own.slice(0, -wanted.length - 1)] : [];
  }
  const stem = wanted.slice(0, -1);
  const starts = [0];
  for (let dot = name.indexOf('.'); dot >= 0; dot = name.indexOf('.', dot + 1)) starts.push(dot + 1);
  return starts
    .filter((at) => name.startsWith(stem, at) && at + stem.length < name.length)
    .map((at) => own.slice(0, Math.max(0, at - 1)));
}

/** The channels of the suffixes, one for every letter; `YYY` is luminance alone, as grey. */
export function channelsOf(group: ChannelGroup, suffixes: string): PlannedLayer | undefined {
  const isColored = ['X', 'Z', 'R', 'RY', 'BY'].some((suffix) => group.channels.has(suffix));
  if (suffixes === 'YYY' && isColored) return undefined;
  const channels = [...suffixes].flatMap((suffix) => group.channels.get(suffix) ?? []);
  return channels.length === suffixes.length ? { part: group.part, channels } : undefined;
}

/** The channel of alpha of a layer. */
export function alphaOf({ group }: Match): PlannedLayer | undefined {
  const name = group.channels.get('A');
  return name === undefined ? undefined : { part: group.part, channels: [name] };
}

export function sameBox(a: Box, b: Box): boolean {
  return (
    a.xMin === b.xMin && a.yMin === b.yMin && boxWidth(a) === boxWidth(b) && boxHeight(a) === boxHeight(b)
  );
}

/** A list of names for a message. */
export function shorten(names: readonly string[]): string {
  return names.length > 4 ? `${names.slice(0, 4).join(', ')} and ${names.length - 4} more` : names.join(', ');
}
