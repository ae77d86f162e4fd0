import type { ModelManifest } from '../engine/model-manifest.js';
import { expected, invalidArgument, QuietframeError } from '../errors.js';
import type { Frame } from '../frame/frame.js';
import type { Raster } from '../image/raster.js';

export function checkPredictor({ name, version, errorPredictor }: ModelManifest): void {
  if (errorPredictor === undefined) throw withoutErrors({ name, version });
}

export function withoutErrors(model: Pick<ModelManifest, 'name' | 'version'>): QuietframeError {
  const message = expected('a model that predicts errors', 'model', modelId(model));
  return new QuietframeError('not-implemented', message, { parameter: 'model' });
}

export function withoutKernels(model: Pick<ModelManifest, 'name' | 'version'>): QuietframeError {
  const message = expected('a model of kernels', 'the model of debug outputs', modelId(model));
  return new QuietframeError('not-implemented', message, { parameter: 'outputs' });
}

export function modelId({ name, version }: Pick<ModelManifest, 'name' | 'version'>): string {
  return `${name}@${version}`;
}

export function checkSizes(frame: Frame, also: readonly Raster[]): void {
  const { width, height } = frame;
  if (!(width >= 1 && height >= 1))
    throw invalidArgument('at least 1 x 1 pixel', 'the frame', `${width} x ${height}`);
  const channels = { color: 3, colorVariance: 1, albedo: 3, albedoVariance: 1, normal: 3, normalVariance: 1 };
  for (const [name, count] of Object.entries(channels)) {
    const layer = frame[name as keyof typeof channels];
    if (layer !== undefined && layer.channels !== count) {
      throw invalidArgument(`${count} channels`, name, layer.channels);
    }
  }
  const layers = Object.entries(frame).filter(
    (entry): entry is [string, Raster] => typeof entry[1] === 'object',
  );
  for (const [name, layer] of [
    ...layers,
    ...also.map((layer, i): [string, Raster] => [`also[${i}]`, layer]),
  ]) {
    if (layer.width !== width || layer.height !== height) {
      const message = expected(`${width} x ${height} pixels`, name, `${layer.width} x ${layer.height}`);
      throw new QuietframeError('mismatched-frames', message, { layer: name });
    }
  }
}
