import { channelGroups } from '../src/frame/layers/channel-groups.js';
import type { PartChannels } from '../src/frame/layers/part-channels.js';

/** A layer as the picker lists it. */
export interface Layer {
  readonly label: string;
  readonly part: number;
  /** Full names of one channel, or of three; of motion, of two or four. */
  readonly channels: readonly string[];
  readonly alpha?: string | undefined;
  /** How its values are shown: light, directions in [-1, 1], one value in false color, or offsets in pixels. */
  readonly kind: 'light' | 'direction' | 'value' | 'motion';
}

/** Channels that make up a picture of three, by suffix. */
const TRIPLES = [
  { suffixes: ['R', 'G', 'B'], kind: 'light' },
  { suffixes: ['X', 'Y', 'Z'], kind: 'direction' },
] as const;

/**
 * All layers of a file: triples first, then the rest of each layer, channel by channel.
 * @param motion the channels that hold motion vectors become one layer.
 */
export function layersOf(
  parts: readonly PartChannels[],
  motion?: { readonly part: number; readonly channels: readonly string[] },
): Layer[] {
  const layers: Layer[] = [];
  const seen = new Set<string>();
  for (const { part, layer, channels } of channelGroups(parts)) {
    const rest = new Map(channels);
    const add = (label: string, names: readonly string[], kind: Layer['kind'], alpha?: string): void => {
      const key = JSON.stringify([part, names]);
      if (!seen.has(key)) layers.push({ label, part, channels: names, kind, ...(alpha && { alpha }) });
      seen.add(key);
    };
    if (motion?.part === part && motion.channels.some((name) => [...rest.values()].includes(name))) {
      add(layer || 'Motion', motion.channels, 'motion');
      for (const [suffix, name] of rest) if (motion.channels.includes(name)) rest.delete(suffix);
    }
    for (const { suffixes, kind } of TRIPLES) {
      const names = suffixes.flatMap((suffix) => rest.get(suffix) ?? []);
      if (names.length < suffixes.length) continue;
      add(layer || 'Color', names, kind, kind === 'light' ? channels.get('A') : undefined);
      for (const suffix of suffixes) rest.delete(suffix);
    }
    for (const [suffix, name] of rest) add(layer === '' ? suffix : `${layer}.${suffix}`, [name], 'value');
  }
  return layers;
}

/**
 * Planes of a layer, one or three, as interleaved RGBA. One value is in all of R, G and B.
 * @param alpha 1 where there is none.
 */
export function interleave(
  planes: readonly ArrayLike<number>[],
  pixels: number,
  alpha?: ArrayLike<number>,
): Float32Array<ArrayBuffer> {
  const data = new Float32Array(4 * pixels);
  for (let c = 0; c < 3; c++) {
    const plane = planes[c] ?? planes[0] ?? [];
    for (let i = 0; i < pixels; i++) data[4 * i + c] = plane[i] ?? 0;
  }
  for (let i = 0; i < pixels; i++) data[4 * i + 3] = alpha?.[i] ?? 1;
  return data;
}
