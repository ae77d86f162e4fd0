import { access, mkdir, readFile } from 'node:fs/promises';
import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { QuietframeError } from '../errors.js';
import { ExrPool } from '../exr/exr-pool.js';
import { buildFrame } from '../frame/build-frame.js';
import { dssim, relativeMse, smape } from '../image/metrics.js';
import type { Raster } from '../image/raster.js';
import { readBeauty, readPlanned } from '../workflow/read-planned.js';
import { writeAtomically } from '../workflow/write-atomically.js';
import { ServiceProcess } from './service-process.js';
import { sideBySide } from './side-by-side.js';

const WINDOW = new URL('../../examples/window/', import.meta.url);
const OUT = new URL('../../out/', import.meta.url);
const HALVES = ['half_a.0004.exr', 'half_b.0004.exr'] as const;
const CENTER = 'frame.0004.exr';
const REFERENCE = 'reference.0004.exr';

/**
 * Denoises the centre frame of the example window through the service, and judges the result by the reference. Where both
 * half buffers of the frame are there, they are sent, for their difference tells the variance.
 */
async function demo(): Promise<void> {
  const halves = await Promise.all(HALVES.map((name) => readIfThere(name)));
  const [halfA, halfB] = halves;
  const noisy = halfA && halfB ? { half_a: halfA, half_b: halfB } : { frame: await readExample(CENTER) };
  const reference = await readExample(REFERENCE);

  say('Starting the service ...');
  const service = await ServiceProcess.start();
  const pool = new ExrPool();
  try {
    say(`Denoising ${Object.keys(noisy).join(' and ')} of frame 4 at ${service.url} ...`);
    const start = performance.now();
    const { report, exr } = await postFrames(service.url, noisy);
    const seconds = (performance.now() - start) / 1000;

    const [first, second] = await Promise.all(Object.values(noisy).map((exr) => readPlanned(exr, pool)));
    const before = buildFrame(first as NonNullable<typeof first>, second).frame.color;
    const after = buildFrame(await readBeauty(exr, pool)).frame.color;
    const truth = buildFrame(await readBeauty(reference, pool)).frame.color;
    const scores = { noisy: errors(before, truth), denoised: errors(after, truth) };

    await mkdir(OUT, { recursive: true });
    await write('denoised.exr', exr);
    await write('before-after.png', sideBySide([before, after, truth]));
    await write('report.json', `${JSON.stringify({ seconds, scores, report }, null, 2)}\n`);

    const gain = scores.noisy.smape / scores.denoised.smape;
    say(`Denoised ${truth.width} x ${truth.height} pixels in ${seconds.toFixed(1)} s.`);
    say('Errors against the reference:     SMAPE   relMSE    DSSIM');
    for (const [name, { smape, relativeMse, dssim }] of Object.entries(scores)) {
      say(`  ${name.padEnd(30)} ${[smape, relativeMse, dssim].map((value) => value.toFixed(4)).join('   ')}`);
    }
    say(`The error (SMAPE) is ${gain.toFixed(1)} times smaller.`);
    say(
      `Look at ${shown('before-after.png')} (noisy, denoised, reference), ${shown('denoised.exr')}, ${shown('report.json')}.`,
    );
  } finally {
    await Promise.all([service.stop(), pool.close()]);
  }
}

/** Report and denoised file, as the service answers them for a form of OpenEXR files. */
async function postFrames(
  url: string,
  files: Readonly<Record<string, Uint8Array>>,
): Promise<{ report: unknown; exr: Uint8Array }> {
  const form = new FormData();
  for (const [part, bytes] of Object.entries(files)) {
    form.append(part, new Blob([new Uint8Array(bytes)], { type: 'image/x-exr' }), `${part}.exr`);
  }
  const response = await fetch(`${url}/v1/denoise`, {
    method: 'POST',
    body: form,
    headers: { accept: 'multipart/mixed' },
  });
  if (!response.ok) {
    throw new QuietframeError(
      'internal',
      `The service answered ${response.status}: ${await response.text()}`,
    );
  }
  const [json, exr] = partsOf(
    response.headers.get('content-type'),
    Buffer.from(await response.arrayBuffer()),
  );
  if (json === undefined || exr === undefined) {
    throw new QuietframeError('internal', 'The service answered without a report and a picture');
  }
  return { report: JSON.parse(json.toString('utf8')), exr };
}

/** Bodies of the parts of a multipart answer. */
function partsOf(contentType: string | null, body: Buffer): Buffer[] {
  const boundary = `--${/boundary="?([^";]+)/.exec(contentType ?? '')?.[1] ?? ''}`;
  const bodies: Buffer[] = [];
  for (let at = body.indexOf(boundary); at >= 0; ) {
    const next = body.indexOf(`\r\n${boundary}`, at + boundary.length);
    const blank = body.indexOf('\r\n\r\n', at);
    if (next < 0 || blank < 0) break;
    bodies.push(body.subarray(blank + 4, next));
    at = next + 2;
  }
  return bodies;
}

function errors(picture: Raster, truth: Raster): { smape: number; relativeMse: number; dssim: number } {
  return {
    smape: smape(picture, truth),
    relativeMse: relativeMse(picture, truth),
    dssim: dssim(picture, truth),
  };
}

async function readIfThere(name: string): Promise<Uint8Array | undefined> {
  const isThere = await access(new URL(name, WINDOW)).then(
    () => true,
    () => false,
  );
  return isThere ? readExample(name) : undefined;
}

async function readExample(name: string): Promise<Uint8Array> {
  return readFile(new URL(name, WINDOW));
}

async function write(name: string, bytes: Uint8Array | string): Promise<void> {
  await writeAtomically(fileURLToPath(new URL(name, OUT)), bytes);
}

function shown(name: string): string {
  return relative(process.cwd(), fileURLToPath(new URL(name, OUT)));
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

try {
  await demo();
} catch (error) {
  process.stderr.write(`quietframe demo: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
