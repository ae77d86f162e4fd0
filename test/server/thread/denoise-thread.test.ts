import { fileURLToPath } from 'node:url';
import type { Worker } from 'node:worker_threads';
import { afterAll, describe, expect, it } from 'vitest';
import { DenoiseThread } from '../../../src/server/thread/denoise-thread.js';
import { makeExr } from '../../support/exr-files.js';

const modelsDirectory = fileURLToPath(new URL('../../../models', import.meta.url));
/** The newest thread of the process: tests end it as a crash would. */
let newest: Worker | undefined;
const note = (worker: Worker): void => {
  newest = worker;
};
process.on('worker', note);
afterAll(() => process.off('worker', note));
const crash = async (): Promise<unknown> => newest?.terminate();

const thread = await DenoiseThread.start({ modelsDirectory, threads: 1, limits: { maxPixels: 2 ** 16 } });
afterAll(() => thread.close());

const small = makeExr();
/** Takes long enough to be met at work. */
const large = makeExr({ width: 250, height: 200 });

/** Resolves once the work on a request has begun, with what it will come to. */
function begin(exr: Uint8Array, signal?: AbortSignal) {
  const fractions: number[] = [];
  let begun = (): void => {};
  const hasBegun = new Promise<void>((resolve) => {
    begun = resolve;
  });
  const result = thread.denoiseExr({
    exr,
    ...(signal && { signal }),
    onProgress: (fraction) => {
      fractions.push(fraction);
      begun();
    },
  });
  result.catch(() => {});
  return { hasBegun, result, fractions };
}

describe('DenoiseThread', () => {
  it('denoises, with progress that rises to 1', async () => {
    const { result, fractions } = begin(small);
    const { exr, color, report } = await result;
    expect(report).toMatchObject({ model: 'kpcn', device: 'cpu' });
    expect([color.width, color.height]).toEqual([16, 12]);
    expect(exr.length).toBeGreaterThan(100);
    expect(fractions.at(-1)).toBe(1);
    expect(fractions).toEqual([...fractions].sort((a, b) => a - b));
    expect(thread.models.map(({ name }) => name)).toContain('kpcn');
  });

  it('reads alpha of the result where a picture needs it', async () => {
    const exr = makeExr({ channels: ['A', 'B', 'G', 'R'], value: (_, name) => (name === 'A' ? 0.25 : 0.5) });
    const { alpha } = await thread.denoiseExr({ exr, alpha: 'copy', withAlpha: true });
    expect([alpha?.width, alpha?.height]).toEqual([16, 12]);
    expect([...new Set(alpha?.data)]).toEqual([0.25]);
    expect((await thread.denoiseExr({ exr, alpha: 'copy' })).alpha).toBeUndefined();
    expect((await thread.denoiseExr({ exr: small, withAlpha: true })).alpha).toBeUndefined();
  });

  it('passes errors on with what they are about', async () => {
    await expect(thread.denoiseExr({ exr: makeExr({ channels: ['Z'] }) })).rejects.toMatchObject({
      code: 'missing-layer',
      details: { frame: 'frame' },
    });
    await expect(
      thread.denoiseExr({ exr: makeExr({ width: 300, height: 300, channels: ['B', 'G', 'R'] }) }),
    ).rejects.toMatchObject({ code: 'too-large' });
  });

  it('ends the work of a signal that aborts', async () => {
    const controller = new AbortController();
    const { hasBegun, result } = begin(large, controller.signal);
    await hasBegun;
    controller.abort();
    await expect(result).rejects.toMatchObject({ code: 'cancelled' });
    await expect(thread.denoiseExr({ exr: small, signal: controller.signal })).rejects.toMatchObject({
      code: 'cancelled',
    });
  });

  it('runs a request again whose thread has ended, to the same bytes', async () => {
    const wanted = await thread.denoiseExr({ exr: large });
    const before = thread.restarts;
    const { hasBegun, result, fractions } = begin(large);
    await hasBegun;
    await crash();
    expect(Buffer.from((await result).exr).equals(wanted.exr)).toBe(true);
    expect(thread.restarts).toBe(before + 1);
    expect(fractions).toEqual([...fractions].sort((a, b) => a - b));
  });

  it('gives a request up whose thread has ended twice, and serves the next', async () => {
    const { hasBegun, result } = begin(large);
    await hasBegun;
    await crash();
    await crash();
    await expect(result).rejects.toMatchObject({ code: 'internal' });
    expect((await thread.denoiseExr({ exr: small })).report.model).toBe('kpcn');
  });
});

it('says why it cannot start', async () => {
  await expect(
    DenoiseThread.start({ modelsDirectory: 'no/such/folder', threads: 1, limits: {} }),
  ).rejects.toMatchObject({ code: 'file-system' });
});

it('rejects what runs when it is closed', async () => {
  const other = await DenoiseThread.start({ modelsDirectory, threads: 1, limits: {} });
  const running = expect(other.denoiseExr({ exr: small })).rejects.toMatchObject({ code: 'cancelled' });
  await other.close();
  await running;
  await expect(other.denoiseExr({ exr: small })).rejects.toMatchObject({ code: 'cancelled' });
});
