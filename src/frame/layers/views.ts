import type { Attribute } from '../../image/image.js';
import type { PartChannels } from './part-channels.js';

/** Stereo has two; every channel is compared with all of them. */
const MAX_VIEWS = 256;
/** Names by which files without attributes tell views apart. `main` is Nuke's for pictures with one view. */
const USUAL_VIEWS = ['main', 'left', 'right'];

/**
 * The stereo view of every part: its attribute, or else, where all names of parts end with a usual view (`albedo_main`,
 * `rgba.left`), that.
 */
export function partViews(parts: readonly PartChannels[]): readonly (string | undefined)[] {
  const told = parts.map(({ view }) => view || undefined);
  const isTold = parts.some(({ attributes }, i) => told[i] !== undefined || attributes.has('multiView'));
  if (parts.length < 2 || isTold) return told;
  const ends = parts.map(({ name }) => USUAL_VIEWS.find((view) => withoutView(name, view) !== name));
  // A light group may be called `key_left`: only where all parts say so, they are views.
  return ends.includes(undefined) ? told : ends;
}

/** A part's name without the view at its end, which Blender (`-left`), Nuke (`_left`) and others (`.left`) append. */
export function withoutView(name: string, view: string | undefined): string {
  if (view === undefined || !name.toLowerCase().endsWith(view.toLowerCase())) return name;
  const rest = name.slice(0, name.length - view.length);
  if (rest === '') return '';
  return /[-._ ]$/.test(rest) ? rest.slice(0, -1) : name;
}

/** Names of an attribute of type `stringvector`: each a length and that many bytes. The first is the default view. */
export function viewNames(attribute: Attribute | undefined): string[] {
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

/**
 * Orders views: the default view of the file first, then `main` and the left eye, then by name. It does not depend on the
 * order of the parts.
 */
export function sortedViews(
  views: Iterable<string | undefined>,
  parts: readonly PartChannels[],
): (string | undefined)[] {
  const first = new Set(parts.flatMap(({ attributes }) => viewNames(attributes.get('multiView'))));
  const order: (string | undefined)[] = [...first, undefined, 'main', 'center', 'left'];
  const rank = (view: string | undefined): number => {
    const found = order.indexOf(view);
    return found < 0 ? order.length : found;
  };
  return [...new Set(views)].sort(
    (a, b) => rank(a) - rank(b) || ((a ?? '') < (b ?? '') ? -1 : (a ?? '') > (b ?? '') ? 1 : 0),
  );
}
