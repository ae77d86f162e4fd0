import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { Denoiser } from '../../src/denoise/denoiser.js';
import { ExrPool } from '../../src/exr/pool.js';
import { readExr } from '../../src/exr/read-exr.js';
import { denoiseExr } from '../../src/files/denoise-file/denoise-exr.js';
import type { Report } from '../../src/files/report.js';
import type { LoopState } from '../../src/sampling/sampling-loop.js';
import { buildApp } from '../../src/server/app.js';
import { expectReport } from '../files/report-schema.js';
import { makeExr } from '../support/exr-files.js';
import { CONFIG, expectProblem, form, postForm } from './support.js';

const pool = new ExrPool({ workers: 1 });
const modelsDirectory = fileURLToPath(new URL('../../models', import.meta.url));
const denoiser = await Denoiser.load({ modelsDirectory, threads: 1 });
const app = await buildApp(
  { denoiseExr: (request) => denoiseExr(request, { pool, denoiser }), pool, denoiser },
  CONFIG,
);
afterAll(async () => {
  await app.close();
  await Promise.all([pool.close(), denoiser.close()]);
});

const [WIDTH, HEIGHT] = [40, 32];
const PIXELS = WIDTH * HEIGHT;

/** A renderer whose samples are a gray ramp with noise in its right half. */
class Renderer {
  #state = 1;
  /** Sums and counts of two halves. */
  readonly sums = [new Float64Array(PIXELS), new Float64Array(PIXELS)] as const;
  readonly counts = [new Float64Array(PIXELS), new Float64Array(PIXELS)] as const;

  add(samples: ArrayLike<number>): void {
    for (let i = 0; i < PIXELS; i++) {
      for (let k = 0; k < (samples[i] as number); k++) {
        const half = ((this.counts[0][i] as number) + (this.counts[1][i] as number)) % 2;
        const sums = this.sums[half] as Float64Array;
        const counts = this.counts[half] as Float64Array;
        sums[i] = (sums[i] as number) + this.#sample(i % WIDTH);
        counts[i] = (counts[i] as number) + 1;
      }
    }
  }

  get total(): number {
    return this.counts.flatMap((counts) => [...counts]).reduce((sum, count) => sum + count, 0);
  }

  samplesOf(columns: (x: number) => boolean): number {
    let sum = 0;
    for (let i = 0; i < PIXELS; i++) {
      if (columns(i % WIDTH)) sum += (this.counts[0][i] as number) + (this.counts[1][i] as number);
    }
    return sum;
  }

  half(index: 0 | 1): Uint8Array {
    const value = (i: number): number =>
      (this.sums[index][i] as number) / Math.max(1, this.counts[index][i] as number);
    return makeExr({ width: WIDTH, height: HEIGHT, channels: ['B', 'G', 'R'], value });
  }

  #sample(x: number): number {
    this.#state = (1664525 * this.#state + 1013904223) % 2 ** 32;
    const noise = this.#state / 2 ** 32 - 0.5;
    return 0.4 + 0.004 * x + (x < WIDTH / 2 ? 0.02 : 0.7) * noise;
  }
}

function ask(renderer: Renderer, loop: object, more = '') {
  const query = `loop=${encodeURIComponent(JSON.stringify(loop))}${more}`;
  const halves = form([
    ['half_a', renderer.half(0)],
    ['half_b', renderer.half(1)],
  ]);
  return app.inject(postForm(halves, `/v1/sample-map?format=mixed&${query}`));
}

/** The report and the file of an answer. */
function partsOf({ headers, rawPayload }: Awaited<ReturnType<typeof ask>>): {
  report: Report;
  exr: Uint8Array;
} {
  const boundary = /boundary=(\S+)$/.exec(String(headers['content-type']))?.[1];
  const [, report, file] = rawPayload.toString('latin1').split(`--${boundary}`);
  return {
    report: JSON.parse(report?.split('\r\n\r\n')[1] ?? ''),
    exr: Buffer.from(file?.slice(file.indexOf('\r\n\r\n') + 4, -2) ?? '', 'latin1'),
  };
}

describe('the loop of an adaptive render against the service', () => {
  it('spends the budget where the noise is, round by round', async () => {
    const renderer = new Renderer();
    renderer.add(new Uint32Array(PIXELS).fill(2));
    let loop: object | undefined = { version: 1, budgetSpp: 11.3, firstSpp: 2 };
    const totals: number[] = [];
    let last: Report['loop'];
    while (loop !== undefined && totals.length < 10) {
      const answer = await ask(renderer, loop);
      expect(answer.statusCode).toBe(200);
      const { report, exr } = partsOf(answer);
      expectReport(report);
      const samples = readExr(exr).parts[0]?.planes.get('samples.spp')?.data ?? [];
      last = report.loop;
      totals.push(renderer.total);
      expect(last?.totalSamples).toBe(renderer.total);
      expect([...samples].reduce((sum, count) => sum + count, 0)).toBe(last?.addSamples);
      renderer.add(samples);
      loop = last?.state as LoopState | undefined;
    }
    expect(totals).toEqual([2 * PIXELS, 4 * PIXELS, 8 * PIXELS, Math.round(11.3 * PIXELS)]);
    expect(last).toMatchObject({ done: true, reason: 'budget', round: 4, rounds: 4, addSamples: 0 });
    const [quiet, noisy] = [(x: number) => x < WIDTH / 2, (x: number) => x >= WIDTH / 2].map((columns) =>
      renderer.samplesOf(columns),
    );
    expect(noisy).toBeGreaterThan(1.5 * (quiet as number));
  });

  it('ends at the target, with limits that do not hold any more', async () => {
    const renderer = new Renderer();
    renderer.add(new Uint32Array(PIXELS).fill(2));
    const answer = await ask(renderer, { version: 1, budgetSpp: 64, firstSpp: 2 }, '&target-smape=0.9&min=1');
    const { report, exr } = partsOf(answer);
    expect(report.loop).toEqual({
      ...{ done: true, reason: 'target', round: 1, rounds: 6 },
      ...{ totalSamples: 2 * PIXELS, addSamples: 0 },
    });
    expect(new Set(readExr(exr).parts[0]?.planes.get('samples.spp')?.data)).toEqual(new Set([0]));
  });

  it.each<[object, string]>([
    [
      { version: 1, budgetSpp: 8, firstSpp: 2, width: WIDTH, height: 30, totalSamples: 4800 },
      'the size of the frame',
    ],
    [
      { version: 1, budgetSpp: 8, firstSpp: 2, width: WIDTH, height: HEIGHT, totalSamples: 3 },
      'Expected one of 2560',
    ],
    [{ version: 9, budgetSpp: 8 }, 'the version 1 for loop.version'],
  ])('refuses the state %j', async (loop, message) => {
    const renderer = new Renderer();
    renderer.add(new Uint32Array(PIXELS).fill(2));
    const problem = expectProblem(await ask(renderer, loop), 'invalid-argument', '/v1/sample-map');
    expect(problem.detail).toContain(message);
  });
});
