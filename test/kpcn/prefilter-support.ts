import { cpSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Raster } from '../../src/image/raster.js';
import { raster } from '../../src/image/raster.js';
import type { AuxiliaryBuffers } from '../../src/kpcn/auxiliary-buffers.js';

const GOLDEN = fileURLToPath(new URL('../golden/prefilter', import.meta.url));
const TINY_BUNDLE = fileURLToPath(new URL('../golden/tiny-bundle', import.meta.url));

/** golden.json of `golden_prefilter.py`. */
export interface PrefilterGolden {
  readonly auxiliaryPrefilter: Readonly<Record<string, number>>;
  readonly modules: Readonly<Record<string, { readonly file: string; readonly sha256: string }>>;
  readonly cases: Readonly<
    Record<string, { readonly width: number; readonly height: number; readonly measured: boolean }>
  >;
}

export function prefilterGolden(): PrefilterGolden {
  return JSON.parse(readFileSync(join(GOLDEN, 'golden.json'), 'utf8'));
}

/** A folder of models: the tiny bundle with the prefilter of the golden tensors. */
export function prefilteredModels(): string {
  const folder = mkdtempSync(join(tmpdir(), 'quietframe-prefilter-'));
  cpSync(TINY_BUNDLE, folder, { recursive: true });
  const bundle = join(folder, 'kpcn', '1');
  const golden = prefilterGolden();
  for (const { file } of Object.values(golden.modules)) cpSync(join(GOLDEN, file), join(bundle, file));
  const manifest = JSON.parse(readFileSync(join(bundle, 'model.json'), 'utf8'));
  Object.assign(manifest.modules, golden.modules);
  manifest.auxiliaryPrefilter = golden.auxiliaryPrefilter;
  writeFileSync(join(bundle, 'model.json'), JSON.stringify(manifest));
  return folder;
}

/** Auxiliaries of a golden case: albedo 3, variance 1, normal 3, variance 1. */
export function goldenBuffers(name: string, kind: 'inputs' | 'output'): Required<AuxiliaryBuffers> {
  const { width = 0, height = 0 } = prefilterGolden().cases[name] ?? {};
  const bytes = new Uint8Array(readFileSync(join(GOLDEN, `${name}.${kind}.f32`)));
  return buffersOf(width, height, new Float32Array(bytes.buffer));
}

/** Slices of data [8,H,W]. */
export function buffersOf(width: number, height: number, data: Float32Array): Required<AuxiliaryBuffers> {
  const slice = (first: number, channels: number): Raster =>
    raster(width, height, channels, data.slice(first * width * height, (first + channels) * width * height));
  return {
    ...{ albedo: slice(0, 3), albedoVariance: slice(3, 1) },
    ...{ normal: slice(4, 3), normalVariance: slice(7, 1) },
  };
}
