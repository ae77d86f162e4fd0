import type { Frame } from '../../frame/frame.js';
import { plane, type Raster, raster } from '../../image/raster.js';
import { luminance } from '../../image/tonemap.js';

/** Differences of guides that count. */
const ALBEDO_SIGMA = 0.1;
const NORMAL_SIGMA = 0.25;

/** The picture as a photograph would show it, one channel in [0, 1). */
export function display(color: Raster, exposure: number): Raster {
  const picture = luminance(color);
  for (let i = 0; i < picture.data.length; i++) {
    const light = Math.max(exposure * (picture.data[i] as number), 0);
    picture.data[i] = (light / (1 + light)) ** (1 / 2.2);
  }
  return picture;
}

export function guideNames(guide: Pick<Frame, 'albedo' | 'normal'>, frame: Frame): string[] {
  return (['albedo', 'normal'] as const).filter((name) => guide[name] && frame[name]);
}

/** Buffers that both have, in units of the differences that count. */
export function guideOf(
  guide: Pick<Frame, 'width' | 'height' | 'albedo' | 'normal'>,
  frame: Frame,
): { low: Raster; high: Raster } | undefined {
  const names = guideNames(guide, frame) as ('albedo' | 'normal')[];
  if (names.length === 0) return undefined;
  const scaled = (from: Pick<Frame, 'width' | 'height' | 'albedo' | 'normal'>): Raster => {
    const joint = raster(from.width, from.height, 3 * names.length);
    names.forEach((name, i) => {
      const scale = 1 / (name === 'albedo' ? ALBEDO_SIGMA : NORMAL_SIGMA);
      const values = (from[name] as Raster).data;
      for (let j = 0; j < values.length; j++)
        joint.data[i * values.length + j] = scale * (values[j] as number);
    });
    return joint;
  };
  return { low: scaled(frame), high: scaled(guide) };
}

export function channelsOf(layer: Raster): Raster[] {
  return Array.from({ length: layer.channels }, (_, c) =>
    raster(layer.width, layer.height, 1, plane(layer, c).slice()),
  );
}

/** Layers with as many channels as these, of new channels. */
export function joined(layers: readonly Raster[], channels: readonly Raster[]): Raster[] {
  let next = 0;
  return layers.map((layer) => {
    const { width, height } = channels[next] as Raster;
    const result = raster(width, height, layer.channels);
    for (let c = 0; c < layer.channels; c++) plane(result, c).set((channels[next++] as Raster).data);
    return result;
  });
}
