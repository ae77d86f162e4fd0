import { stringAttribute } from '../../exr/attribute.js';
import { layersText } from '../../frame/layers/resolve-layers.js';
import type { Attribute } from '../../image/image.js';
import { VERSION } from '../../version.js';
import type { DenoisedWindow } from './denoise-loaded.js';
import type { LoadedFiles } from './load-files.js';
import type { PlannedFiles } from './plan-files.js';
import type { ViewTask } from './view-task.js';

/**
 * Attributes `quietframe:...` of the result, which say how it was made; nothing that differs from run to run, so that the same
 * input gives the same bytes. `isDenoised` reads them.
 */
export async function resultAttributes(
  { files, options, output }: ViewTask,
  { original: { plan }, withSplit }: PlannedFiles,
  { window }: LoadedFiles,
  { layers: { report }, isWrapped }: DenoisedWindow,
): Promise<Map<string, Attribute>> {
  const { region, wrap = 'auto', encoder = 'auto', prefilter = 'auto', motion = 'auto' } = options;
  const lambdaMap = await files.lambdaMap?.sha256();
  const texts: Record<string, string | number> = {
    model: report.model,
    version: report.version,
    encoder: report.encoder,
    device: report.device,
    lambda: lambdaMap === undefined ? report.lambda : `map ${lambdaMap}`,
    source: plan.source,
    variance: window.center.built.frame.varianceOrigin,
    frames: files.offsets.length + 1,
    alpha: options.alpha ?? 'auto',
    region: region === undefined ? '' : [region.x, region.y, region.width, region.height].join(','),
    components: withSplit ? 'split' : 'beauty',
    wrap: isWrapped ? 'x' : '',
    wrapChoice: wrap === 'auto' ? '' : wrap,
    encoderChoice: encoder === 'auto' ? '' : encoder,
    prefilterChoice: prefilter === 'auto' ? '' : prefilter,
    layers: layersText(options.layers ?? {}),
    view: output.view,
    motion: motion === 'auto' ? '' : motion,
    files: (plan.files ?? []).join(','),
    aovs: plan.lights.map(({ name }) => name).join(', '),
    software: `quietframe ${VERSION}`,
  };
  for (const [name, value] of Object.entries({ ...options.finish, strength: options.strength })) {
    if (value !== undefined) texts[name] = value;
  }
  return new Map(
    Object.entries(texts)
      .filter(([, value]) => value !== '')
      .map(([name, value]) => [`quietframe:${name}`, stringAttribute(String(value))]),
  );
}
