import type { Attribute, Box } from '../image/image.js';

/** One part of a file as its header tells it. */
export interface PartChannels {
  readonly name: string;
  readonly view: string | undefined;
  readonly dataWindow: Box;
  readonly attributes: ReadonlyMap<string, Attribute>;
  readonly channels: readonly { readonly name: string }[];
}

/** The channels of one layer in one part and stereo view. */
export interface ChannelGroup {
  readonly part: number;
  /** Layer name without the view; empty for channels without a layer. */
  readonly layer: string;
  readonly view: string | undefined;
  /** Full channel name by suffix: `R`, `X`, ...; `red` and `r` are `R`. */
  readonly channels: ReadonlyMap<string, string>;
}

/** Suffixes that some renderers write out (V-Ray). */
const WORDS = new Map([
  ['red', 'R'],
  ['green', 'G'],
  ['blue', 'B'],
  ['alpha', 'A'],
]);
/** Stereo has two; every channel is compared with all of them. */
const MAX_VIEWS = 256;
/** `Nsx` of older pbrt builds is `Ns.X`. */
const UNDOTTED = /^(N|Ns|P)([xyz])$/;

/**
 * Sorts the channels of a file into layers. The suffix is what follows the last dot, for layer names may hold dots. In a
 * file of several parts, a channel without a layer belongs to the layer that its part is named after; in the first part it
 * also stands without one.
 */
export function channelGroups(parts: readonly PartChannels[]): ChannelGroup[] {
  const groups = new Map<string, ChannelGroup & { channels: Map<string, string> }>();
  parts.forEach((part, index) => {
    const views = viewNames(part.attributes.get('multiView'));
    for (const { name } of part.channels) {
      const [dotted, suffix] = splitName(name);
      const last = dotted.slice(dotted.lastIndexOf('.') + 1);
      const named = views.includes(last);
      const view = part.view ?? (named ? last : views[0]);
      const layer = named ? dotted.slice(0, Math.max(0, dotted.length - last.length - 1)) : dotted;
      const layers = layer === '' && parts.length > 1 ? [partLayer(part)] : [layer];
      if (layer === '' && index === 0 && parts.length > 1) layers.push('');
      for (const each of layers) {
        const key = JSON.stringify([index, each, view]);
        const group = groups.get(key) ?? { part: index, layer: each, view, channels: new Map() };
        groups.set(key, group);
        if (!group.channels.has(suffix)) group.channels.set(suffix, name);
      }
    }
  });
  return [...groups.values()];
}

function splitName(name: string): [layer: string, suffix: string] {
  const undotted = UNDOTTED.exec(name);
  if (undotted !== null) return [undotted[1] as string, (undotted[2] as string).toUpperCase()];
  const dot = name.lastIndexOf('.');
  const suffix = name.slice(dot + 1);
  const canonical = WORDS.get(suffix.toLowerCase()) ?? (suffix.length === 1 ? suffix.toUpperCase() : suffix);
  return [name.slice(0, Math.max(0, dot)), canonical];
}

/** Part name without the view that Blender (`-left`) and others (`.left`) append. */
function partLayer(part: PartChannels): string {
  const { name, view } = part;
  if (view === undefined) return name;
  return name.endsWith(`-${view}`) || name.endsWith(`.${view}`) ? name.slice(0, -view.length - 1) : name;
}

/** Names of an attribute of type `stringvector`: each a length and that many bytes. The first is the default view. */
function viewNames(attribute: Attribute | undefined): string[] {
  if (attribute?.type !== 'stringvector') return [];
  const { value } = attribute;
  const view = new DataView(value.buffer, value.byteOffset, value.byteLength);
  const names: string[] = [];
  for (let at = 0; at + 4 <= value.length && names.length < MAX_VIEWS; ) {
    const length = view.getUint32(at, true);
    names.push(new TextDecoder().decode(value.subarray(at + 4, at + 4 + length)));
    at += 4 + length;
  }
  return names;
}
