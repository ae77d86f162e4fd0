import { channelGroups } from '../src/frame/layers/channel-groups.js';
import type { PartChannels } from '../src/frame/layers/part-channels.js';

/** A layer as the picker lists it. */
export interface Layer {
  readonly label: string;
  readonly part: number;
  /** Full names of one channel, or of three. */
  readonly channels: readonly string[];
  /** How its values are shown: as light, as directions in [-1, 1], or one value in false colour. */
  readonly kind: 'light' | 'direction' | 'value';
}

/** Channels that make up a picture of three, by suffix. */
const TRIPLES = [
  { suffixes: ['R', 'G', 'B'], kind: 'light' },
  { suffixes: ['X', 'Y', 'Z'], kind: 'direction' },
] as const;

/** All layers of a file: triples first, then what is left of each layer, channel by channel. */
export function layersOf(parts: readonly PartChannels[]): Layer[] {
  const layers: Layer[] = [];
  const seen = new Set<string>();
  for (const { part, layer, channels } of channelGroups(parts)) {
    const rest = new Map(channels);
    const add = (label: string, names: readonly string[], kind: Layer['kind']): void => {
      const key = JSON.stringify([part, names]);
      if (!seen.has(key)) layers.push({ label, part, channels: names, kind });
      seen.add(key);
    };
    for (const { suffixes, kind } of TRIPLES) {
      const names = suffixes.map((suffix) => channels.get(suffix));
      if (names.some((name) => name === undefined)) continue;
      add(layer || 'Colour', names as string[], kind);
      for (const suffix of suffixes) rest.delete(suffix);
    }
    for (const [suffix, name] of rest) add(layer === '' ? suffix : `${layer}.${suffix}`, [name], 'value');
  }
  return layers;
}

/** Planes of a layer, one or three, as interleaved RGBA. One value is in all of R, G and B. */
export function interleave(planes: readonly ArrayLike<number>[], pixels: number): Float32Array<ArrayBuffer> {
  const data = new Float32Array(4 * pixels);
  for (let c = 0; c < 3; c++) {
    const plane = planes[c] ?? planes[0] ?? [];
    for (let i = 0; i < pixels; i++) data[4 * i + c] = plane[i] ?? 0;
  }
  for (let i = 3; i < data.length; i += 4) data[i] = 1;
  return data;
}
