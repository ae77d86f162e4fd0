import { mkdir, readFile } from 'node:fs/promises';
import { relative } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { QuietframeError } from '../errors.js';
import { ExrPool } from '../exr/pool.js';
import { planSource } from '../files/window/planned-source.js';
import { readBeauty, readPlanned } from '../files/window/read-planned.js';
import { buildFrame } from '../frame/build-frame.js';
import { dssim, relativeMse, smape } from '../image/metrics.js';
import type { Raster } from '../image/raster.js';
import { writeAtomically } from '../io/write-atomically.js';
import { ProgressBar } from './progress-bar.js';
import { ServiceProcess } from './service-process.js';
import { sideBySide } from './side-by-side.js';

const WINDOW = new URL('../../examples/window/', import.meta.url);
const OUT = new URL('../../out/', import.meta.url);
const FRAMES = [1, 2, 3, 4, 5, 6, 7].map((frame) => `frame.000${frame}.exr`);
const HALVES = ['half_a.0004.exr', 'half_b.0004.exr'];
const REFERENCE = 'reference.0004.exr';

/**
 * Sends the example window to the service, with the half buffers of its centre frame, for their difference tells the
 * variance, and judges the denoised centre frame by the reference.
 */
async function demo(): Promise<void> {
  const [frames, halves] = await Promise.all([readExamples(FRAMES), readExamples(HALVES)]);
  const [halfA, halfB] = halves as [Uint8Array, Uint8Array];
  const [reference] = (await readExamples([REFERENCE])) as [Uint8Array];

  say('Starting the service ...');
  const service = await ServiceProcess.start();
  const pool = new ExrPool();
  try {
    say(`Sending a window of seven frames and 2 half buffers to ${service.url} ...`);
    const start = performance.now();
    const { report, exr } = await denoiseWindow(service.url, frames, [halfA, halfB]);
    const seconds = (performance.now() - start) / 1000;

    const read = (half: Uint8Array) => readPlanned(planSource(pool.open(half)), pool);
    const [a, b] = [await read(halfA), await read(halfB)];
    const before = buildFrame(a, b).frame.color;
    const after = buildFrame(await readBeauty(pool.open(exr), pool)).frame.color;
    const truth = buildFrame(await readBeauty(pool.open(reference), pool)).frame.color;
    const scores = { noisy: errors(before, truth), denoised: errors(after, truth) };

    await mkdir(OUT, { recursive: true });
    await write('denoised.exr', exr);
    await write('before-after.png', sideBySide({ noisy: before, denoised: after, reference: truth }));
    await write('report.json', `${JSON.stringify({ seconds, scores, report }, null, 2)}\n`);

    const gain = scores.noisy.smape / scores.denoised.smape;
    say(`Denoised ${truth.width} x ${truth.height} pixels in ${seconds.toFixed(1)} s.`);
    say('Errors against the reference:     SMAPE   relMSE    DSSIM');
    for (const [name, { smape, relativeMse, dssim }] of Object.entries(scores)) {
      say(`  ${name.padEnd(30)} ${[smape, relativeMse, dssim].map((value) => value.toFixed(4)).join('   ')}`);
    }
    say(`The error (SMAPE) is ${gain.toFixed(1)} times smaller.`);
    say(`Look at ${shown('before-after.png')}, ${shown('denoised.exr')} and ${shown('report.json')}.`);
  } finally {
    await Promise.all([service.stop(), pool.close()]);
  }
}

/** Sends a window and the half buffers of its center as a job, and shows its progress. */
async function denoiseWindow(
  url: string,
  frames: readonly Uint8Array[],
  halves: readonly [Uint8Array, Uint8Array],
): Promise<{ report: unknown; exr: Uint8Array }> {
  const form = new FormData();
  const files = [
    ...frames.map((frame) => ['frame', frame] as const),
    ['half_a', halves[0]],
    ['half_b', halves[1]],
  ] as const;
  for (const [part, bytes] of files) {
    form.append(part, new Blob([new Uint8Array(bytes)], { type: 'image/x-exr' }), `${part}.exr`);
  }
  const created = await ask(`${url}/v1/jobs`, { method: 'POST', body: form });
  const { id } = (await created.json()) as { readonly id: string };
  const job = `${url}/v1/jobs/${id}`;
  const progress = new ProgressBar('Denoising the center frame from all seven');
  for (let ended = false; !ended; ) {
    const status = (await (await ask(job)).json()) as { readonly state: string; readonly progress: number };
    progress.show(status.progress);
    ended = !['queued', 'running'].includes(status.state);
    if (!ended) await setTimeout(100);
  }
  progress.end();
  const exr = await ask(`${job}/result`, { headers: { accept: 'image/x-exr' } });
  const report = await ask(`${job}/result`, { headers: { accept: 'application/json' } });
  return { report: await report.json(), exr: new Uint8Array(await exr.arrayBuffer()) };
}

/** @throws QuietframeError `internal` for an answer that is none of success. */
async function ask(url: string, init?: RequestInit): Promise<Response> {
  const response = await fetch(url, init);
  if (response.ok) return response;
  throw new QuietframeError('internal', `The service answered ${response.status}: ${await response.text()}`);
}

function errors(picture: Raster, truth: Raster): { smape: number; relativeMse: number; dssim: number } {
  return {
    smape: smape(picture, truth),
    relativeMse: relativeMse(picture, truth),
    dssim: dssim(picture, truth),
  };
}

function readExamples(names: readonly string[]): Promise<Uint8Array[]> {
  return Promise.all(names.map((name) => readFile(new URL(name, WINDOW))));
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
