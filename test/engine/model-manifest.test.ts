import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parseManifest } from '../../src/engine/parse-manifest.js';
import { QuietframeError } from '../../src/errors.js';

const TINY = new URL('../golden/tiny-bundle/kpcn/1/model.json', import.meta.url);

/** The tiny model's manifest with one change. */
function changed(change: (manifest: Record<string, Record<string, unknown>>) => void): string {
  const manifest = JSON.parse(readFileSync(TINY, 'utf8'));
  change(manifest);
  return JSON.stringify(manifest);
}

/** The manifest with an error predictor, which has some other fields. */
function withPredictor<Manifest extends Record<string, Record<string, unknown>>>(
  manifest: Manifest,
  fields: Record<string, unknown>,
): Manifest {
  const errorPredictor = { errorChannels: ['SMAPE', 'DSSIM'], receptiveRadius: 28, decay: 0.3, ...fields };
  const modules = {
    ...manifest.modules,
    error_predictor: { file: 'error_predictor.onnx', sha256: 'a'.repeat(64) },
  };
  return Object.assign(manifest, { errorPredictor, modules });
}

describe('parseManifest', () => {
  it('reads what the training exports', () => {
    const manifest = parseManifest(readFileSync(TINY, 'utf8'), 'kpcn/1');
    expect(manifest).toMatchObject({
      name: 'kpcn',
      version: 1,
      formatVersion: 4,
      architecture: { kernelSize: 5, levels: 3, inputChannels: 13, windowSize: 7 },
      receptiveRadius: { temporal: 6, specialization: 8 },
      sources: ['cycles', 'mitsuba', 'generic', 'color'],
    });
    expect(manifest.modules.kernel_logits?.shape).toEqual([25, 9]);
  });

  it('reads bundles with graphs for GPUs and without', () => {
    const { modules } = parseManifest(readFileSync(TINY, 'utf8'), 'kpcn/1');
    expect(modules).toMatchObject({ frame_graph: { file: 'frame_graph.onnx' } });
    const text = changed((m) => {
      delete m.modules?.frame_graph;
      delete m.modules?.window_graph;
    });
    expect(parseManifest(text, 'kpcn/1').modules).not.toHaveProperty('window_graph');
  });

  it('reads constants; bundles without them have the values that were fixed once', () => {
    const fixed = { albedoEpsilon: 0.01, maxAlbedoRatio: 8, guideScale: 8 };
    for (const path of ['../golden/tiny-bundle/kpcn/1', '../../models/kpcn/2']) {
      const text = readFileSync(new URL(`${path}/model.json`, import.meta.url), 'utf8');
      const json = JSON.parse(text);
      expect(json.constants).toEqual(fixed);
      expect(parseManifest(text, 'kpcn/1').constants).toEqual(fixed);
      const { constants: _, ...rest } = json;
      if (rest.auxiliaryPrefilter !== undefined) {
        expect(rest.auxiliaryPrefilter).toMatchObject({ explainedNoise: 2, explainedEstimate: 0.1 });
        delete rest.auxiliaryPrefilter.explainedNoise;
        delete rest.auxiliaryPrefilter.explainedEstimate;
      }
      const { constants, auxiliaryPrefilter } = parseManifest(JSON.stringify(rest), 'kpcn/1');
      expect(constants).toEqual(fixed);
      if (auxiliaryPrefilter !== undefined) {
        expect(auxiliaryPrefilter).toMatchObject({ explainedNoise: 2, explainedEstimate: 0.1 });
      }
    }
    const other = changed((m) => Object.assign(m, { constants: { guideScale: 4 } }));
    expect(parseManifest(other, 'kpcn/1').constants).toEqual({ ...fixed, guideScale: 4 });
  });

  it('reads what predicts errors', () => {
    const text = changed((m) => withPredictor(m, {}));
    expect(parseManifest(text, 'kpcn/1')).toMatchObject({
      errorPredictor: { errorChannels: ['SMAPE', 'DSSIM'], receptiveRadius: 28, decay: 0.3 },
      modules: { error_predictor: { file: 'error_predictor.onnx' } },
    });
  });

  it.each([
    ['no JSON', '{'],
    ['an unknown constant', changed((m) => Object.assign(m.constants ?? {}, { pi: 3 }))],
    ['a constant that is no number', changed((m) => Object.assign(m.constants ?? {}, { guideScale: '8' }))],
    ['a constant of 0', changed((m) => Object.assign(m.constants ?? {}, { albedoEpsilon: 0 }))],
    ['one graph for GPUs without the other', changed((m) => delete m.modules?.window_graph)],
    ['other errors', changed((m) => withPredictor(m, { errorChannels: ['MSE'] }))],
    ['errors that grow with the samples', changed((m) => withPredictor(m, { decay: -0.3 }))],
    ['a predictor without its module', changed((m) => delete withPredictor(m, {}).modules?.error_predictor)],
    ['a module that nothing tells about', changed((m) => delete withPredictor(m, {}).errorPredictor)],
    ['a list', '[]'],
    ['another format', changed((m) => Object.assign(m, { formatVersion: 1 }))],
    ['an unknown key', changed((m) => Object.assign(m, { extra: 1 }))],
    ['a missing key', changed((m) => delete m.license)],
    ['an even kernel', changed((m) => Object.assign(m.architecture ?? {}, { kernelSize: 20 }))],
    [
      'an even kernel in other frames',
      changed((m) => Object.assign(m.architecture ?? {}, { neighborKernelSize: 4 })),
    ],
    ['a window of another size', changed((m) => Object.assign(m.architecture ?? {}, { windowSize: 5 }))],
    ['a missing radius', changed((m) => delete m.receptiveRadius?.temporal)],
    ['a missing module of windows', changed((m) => delete m.modules?.temporal_features)],
    ['a kernel above 21', changed((m) => Object.assign(m.architecture ?? {}, { kernelSize: 23 }))],
    ['a fraction', changed((m) => Object.assign(m.architecture ?? {}, { levels: 1.5 }))],
    ['a name that climbs', changed((m) => Object.assign(m, { name: '../kpcn' }))],
    [
      'a file that climbs',
      changed((m) => Object.assign(m.modules?.spatial_features ?? {}, { file: '../x.onnx' })),
    ],
    ['a short hash', changed((m) => Object.assign(m.modules?.spatial_features ?? {}, { sha256: 'ab' }))],
    ['a missing module', changed((m) => delete m.modules?.scale_compositor)],
    ['an encoder without source', changed((m) => Object.assign(m, { sources: ['color'] }))],
    ['no colour encoder', changed((m) => Object.assign(m, { sources: ['cycles'] }))],
    [
      'logits of another kernel',
      changed((m) => Object.assign(m.modules?.kernel_logits ?? {}, { shape: [9, 9] })),
    ],
  ])('refuses %s', (_, text) => {
    const parse = (): unknown => parseManifest(text, 'kpcn/1');
    expect(parse).toThrow(QuietframeError);
    expect(parse).toThrow(expect.objectContaining({ code: 'model-damaged' }));
    expect(parse).toThrow(/model kpcn\/1/);
  });
});
