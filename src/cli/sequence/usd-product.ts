import { execFile } from 'node:child_process';
import { dirname, isAbsolute, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { pythonCommand } from '../../config.js';
import { expected, QuietframeError } from '../../errors.js';
import { readLayout } from '../../exr/header.js';
import type { ExrLimits } from '../../exr/limits.js';
import { channelGroups } from '../../frame/layers/channel-groups.js';
import type { Role } from '../../frame/layers/render-source.js';
import type { Box } from '../../image/image.js';
import { readInput } from '../read-input.js';

const HELPER = fileURLToPath(new URL('../../../plugins/usd/read_product.py', import.meta.url));

/** What renderers call the values of a role as the source of a RenderVar, in lower case. */
const SOURCES: Readonly<Partial<Record<Role, readonly string[]>>> = {
  albedo: ['albedo', 'diffuse_albedo', 'denoise_albedo', 'albedodiffuse', 'basecolor', 'vraydiffusefilter'],
  normal: ['n', 'nn', 'normal', 'hitn', 'denoise_normal', 'vraynormals'],
  depth: ['z', 'depth', 'hitpz'],
  motion: ['motionvector', 'motionvectors'],
};

/** A RenderProduct of a USD file. */
export interface UsdProduct {
  /** The prim. */
  readonly path: string;
  /** Files of the product, with a placeholder for the frame number. */
  readonly pattern: string;
  /** Pixels. */
  readonly resolution: readonly [width: number, height: number];
  /** In shares of the resolution, y up: less than 0 and more than 1 is overscan. */
  readonly dataWindow: readonly [xMin: number, yMin: number, xMax: number, yMax: number];
  readonly vars: readonly { readonly channel: string; readonly source: string }[];
}

/** What of a product is used for a file of it. */
export interface UsdLayers {
  readonly layers: Readonly<Partial<Record<Role, string>>>;
  /** Sentences about what the product and the file do not share. */
  readonly warnings: readonly string[];
}

/**
 * Reads a RenderProduct with Python and usd-core.
 * @param text `shot.usda`, or `shot.usda:/Render/Products/beauty` where the file has several.
 * @returns with a pattern below the folder of the file, unless it is absolute.
 * @throws QuietframeError `invalid-argument` where the file has no such product; `file-system` without Python or usd-core.
 */
export async function readUsdProduct(text: string): Promise<UsdProduct> {
  const [, file = text, prim] = /^(.+\.usd[acz]?):(\/.+)$/i.exec(text) ?? [];
  const python = pythonCommand();
  try {
    const { stdout } = await promisify(execFile)(python, [
      HELPER,
      file,
      ...(prim === undefined ? [] : [prim]),
    ]);
    const product = JSON.parse(stdout) as UsdProduct;
    const { pattern } = product;
    return { ...product, pattern: isAbsolute(pattern) ? pattern : join(dirname(file), pattern) };
  } catch (cause) {
    throw failureOf(cause, text, python);
  }
}

/**
 * Layers of the roles whose RenderVars have channels in a file, and whether its windows are those of the product.
 * @param name of the file.
 * @throws QuietframeError as `readInput` and `readLayout`.
 */
export async function readUsdLayers(
  product: UsdProduct,
  name: string,
  limits: Partial<ExrLimits>,
): Promise<UsdLayers> {
  const header = readLayout(await readInput(name), limits);
  const warnings: string[] = [];
  const layers: Partial<Record<Role, string>> = {};
  const known = channelGroups(header.parts).map(({ layer }) => layer);
  for (const [role, sources] of Object.entries(SOURCES) as [Role, readonly string[]][]) {
    const found = product.vars.find(({ source }) => sources.includes(source.toLowerCase()));
    if (found === undefined) continue;
    const { channel, source } = found;
    if (known.some((layer) => layer === channel || layer.endsWith(`.${channel}`))) layers[role] = channel;
    else
      warnings.push(`${name} has no layer of the RenderVar ${channel} (${source}): ${role} is found by name`);
  }
  const [width, height] = product.resolution;
  const wanted = dataWindowOf(product);
  const box = header.parts[0]?.dataWindow;
  if (box !== undefined && !isSame(box, wanted)) {
    const shown = product.dataWindow.join(', ');
    warnings.push(
      `${name} has the data window ${textOf(box)}, but ${product.path} has ${width} x ${height} pixels and dataWindowNDC (${shown}): ${textOf(wanted)}`,
    );
  }
  return { layers, warnings };
}

/** Pixels, y down, whose centers lie in the product's data window. */
function dataWindowOf({ resolution: [width, height], dataWindow: [x0, y0, x1, y1] }: UsdProduct): Box {
  const first = (edge: number, size: number): number => Math.ceil(edge * size - 0.5);
  return {
    xMin: first(x0, width),
    yMin: first(1 - y1, height),
    xMax: first(x1, width) - 1,
    yMax: first(1 - y0, height) - 1,
  };
}

function isSame(a: Box, b: Box): boolean {
  return a.xMin === b.xMin && a.yMin === b.yMin && a.xMax === b.xMax && a.yMax === b.yMax;
}

function textOf({ xMin, yMin, xMax, yMax }: Box): string {
  return `(${xMin}, ${yMin}) to (${xMax}, ${yMax})`;
}

function failureOf(cause: unknown, text: string, python: string): QuietframeError {
  const { code, stderr = '' } = cause as { readonly code?: number | string; readonly stderr?: string };
  const said = stderr.trim().split('\n').at(-1) ?? '';
  if (code === 'ENOENT' || said.includes('usd-core')) {
    const message = `The file of --usd cannot be read without ${python} and its package usd-core: ${said || 'there is no such program'}`;
    return new QuietframeError('file-system', message, { parameter: '--usd' }, { cause });
  }
  const asked = expected('a USD file with a RenderProduct', '--usd', text);
  const message = `${asked}: ${said}`;
  return new QuietframeError('invalid-argument', message, { parameter: '--usd' }, { cause });
}
