import type { DenoiseReport } from '../../denoise/types.js';
import { stringAttribute } from '../../exr/attribute.js';
import type { LayerPlan } from '../../frame/layers/resolve-layers.js';
import { VERSION } from '../../version.js';

/** How the file was made; nothing that differs from run to run, so that the same input gives the same bytes. */
export function attributesOf(
  report: DenoiseReport,
  plan: LayerPlan,
  more: Readonly<
    Record<
      'variance' | 'frames' | 'alpha' | 'components' | 'layers' | 'motion' | 'view' | 'files',
      string | number
    > &
      Partial<
        Record<'lambda' | 'region' | 'encoderChoice' | 'prefilterChoice' | 'wrap' | 'wrapChoice', string>
      >
  >,
): Map<string, ReturnType<typeof stringAttribute>> {
  const texts = {
    model: report.model,
    version: report.version,
    encoder: report.encoder,
    device: report.device,
    lambda: report.lambda,
    source: plan.source,
    ...more,
    aovs: plan.lights.map(({ name }) => name).join(', '),
    software: `quietframe ${VERSION}`,
  };
  return new Map(
    Object.entries(texts)
      .filter(([, value]) => value !== '')
      .map(([name, value]) => [`quietframe:${name}`, stringAttribute(String(value))]),
  );
}
