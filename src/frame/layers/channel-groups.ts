import type { PartChannels } from './part-channels.js';
import { partViews, viewNames, withoutView } from './views.js';

/** The channels of one layer in one part and stereo view. */
export interface ChannelGroup {
  readonly part: number;
  /** Layer name without the view; empty for channels without a layer. */
  readonly layer: string;
  readonly view: string | undefined;
  /** Full channel name by suffix: `R`, `X`, ...; `red` and `r` are `R`. */
  readonly channels: ReadonlyMap<string, string>;
  /** The channels have no layer: the name is that of their part. */
  readonly isNamedByPart: boolean;
}

/** Suffixes that some renderers write out (V-Ray, Nuke). */
const WORDS = new Map([
  ['red', 'R'],
  ['green', 'G'],
  ['blue', 'B'],
  ['alpha', 'A'],
]);
/** `Nsx` of older pbrt builds is `Ns.X`. */
const UNDOTTED = /^(N|Ns|P)([xyz])$/;

/**
 * Sorts the channels of a file into layers, in an order that depends on names alone and not on the order of parts and
 * channels. The suffix is what follows the last dot, for layer names may hold dots. In a file of several parts, a channel
 * without a layer belongs to the layer that its part is named after.
 */
export function channelGroups(parts: readonly PartChannels[]): ChannelGroup[] {
  const groups = new Map<string, ChannelGroup & { channels: Map<string, string> }>();
  const views = partViews(parts);
  parts.forEach((part, index) => {
    const own = viewNames(part.attributes.get('multiView'));
    const partLayer = parts.length > 1 ? withoutView(part.name, views[index]) : '';
    for (const name of part.channels.map((channel) => channel.name).sort(byName)) {
      const [dotted, suffix] = splitName(name);
      const last = dotted.slice(dotted.lastIndexOf('.') + 1);
      const named = own.includes(last);
      const view = views[index] ?? (named ? last : own[0]);
      const ownLayer = named ? dotted.slice(0, Math.max(0, dotted.length - last.length - 1)) : dotted;
      // `ViewLayer.Combined` with the channels `Combined.R` is the layer of its name.
      const isNamedByPart = ownLayer === '' && partLayer !== '';
      const layer = isNamedByPart || partLayer.endsWith(`.${ownLayer}`) ? partLayer : ownLayer;
      const key = JSON.stringify([index, layer, view]);
      const group = groups.get(key) ?? { part: index, layer, view, channels: new Map(), isNamedByPart };
      groups.set(key, group);
      if (!group.channels.has(suffix)) group.channels.set(suffix, name);
    }
  });
  const sorted = [...groups.values()].sort(
    (a, b) =>
      byName(a.layer, b.layer) ||
      byName(a.view ?? '', b.view ?? '') ||
      byName(parts[a.part]?.name ?? '', parts[b.part]?.name ?? ''),
  );
  const found = new Set(sorted.flatMap(({ view }) => view ?? []));
  // With one view, parts that do not name it are of it, too.
  const [only] = found;
  return found.size === 1 ? sorted.map((group) => ({ ...group, view: only })) : sorted;
}

/** By the code units of names, as OpenEXR orders channels. */
export function byName(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function splitName(name: string): [layer: string, suffix: string] {
  const undotted = UNDOTTED.exec(name);
  if (undotted !== null) return [undotted[1] as string, (undotted[2] as string).toUpperCase()];
  const dot = name.lastIndexOf('.');
  const suffix = name.slice(dot + 1);
  const canonical = WORDS.get(suffix.toLowerCase()) ?? (suffix.length === 1 ? suffix.toUpperCase() : suffix);
  return [name.slice(0, Math.max(0, dot)), canonical];
}
