import type { Worker } from 'node:worker_threads';
import { afterEach, describe, expect, it } from 'vitest';
import { readHeader } from '../../src/exr/header.js';
import { ExrPool, type ExrPoolOptions } from '../../src/exr/pool.js';
import { readExr } from '../../src/exr/read-exr.js';
import { replaceChannels } from '../../src/exr/replace-channels.js';
import { writeExr } from '../../src/exr/write-exr.js';
import type { Image, Plane } from '../../src/image/image.js';
import { FIXTURES, fixture } from './fixtures.js';

const pools: ExrPool[] = [];
function open(options?: ExrPoolOptions): ExrPool {
  const pool = new ExrPool(options);
  pools.push(pool);
  return pool;
}
afterEach(async () => {
  await Promise.all(pools.splice(0).map((pool) => pool.close()));
});

/** A file that takes a worker far longer than a few milliseconds. */
function slowFile(): Uint8Array {
  const data = Float32Array.from({ length: 512 * 512 }, (_, i) => Math.sin(i * i));
  const plane: Plane = { name: 'Y', type: 'float', data };
  const window = { xMin: 0, yMin: 0, xMax: 511, yMax: 511 };
  const image: Image = {
    parts: [
      {
        name: '',
        view: undefined,
        dataWindow: window,
        displayWindow: window,
        attributes: new Map(),
        planes: new Map([['Y', plane]]),
      },
    ],
  };
  return writeExr(image);
}

describe('ExrPool', () => {
  it('reads, replaces and writes what the functions do', async () => {
    const pool = open();
    for (const name of ['multi-part.exr', 'mitsuba.exr', 'tiled-dwaa.exr']) {
      const bytes = fixture(name);
      const image = await pool.read(bytes);
      expect(image).toEqual(readExr(bytes));
      expect(await pool.write(image, { compression: 'piz' })).toEqual(
        writeExr(image, { compression: 'piz' }),
      );
      const [part] = pool.header(bytes).parts;
      const channel = part?.channels.find((each) => each.type === 'float')?.name as string;
      const data = image.parts[0]?.planes.get(channel)?.data.map((value) => value + 1) as Float32Array;
      const replacements = new Map([[0, new Map([[channel, data]])]]);
      expect(await pool.replace(bytes, replacements)).toEqual(
        replaceChannels(bytes, readHeader(bytes), replacements),
      );
      expect(bytes).toEqual(fixture(name));
    }
  });

  it('decodes only the channels that are selected', async () => {
    const image = await open().read(fixture('zip.exr'), { select: (_, channel) => channel.name === 'Z' });
    expect([...(image.parts[0]?.planes.keys() ?? [])]).toEqual(['Z']);
  });

  it('reads from shared memory', async () => {
    const bytes = fixture('zip.exr');
    const shared = new Uint8Array(new SharedArrayBuffer(bytes.length));
    shared.set(bytes);
    expect(await open().read(shared)).toEqual(readExr(bytes));
  });

  it('answers more calls than it has workers', async () => {
    const pool = open({ workers: 2 });
    const names = FIXTURES.slice(0, 8);
    const images = await Promise.all(names.map((name) => pool.read(fixture(name))));
    expect(images).toEqual(names.map((name) => readExr(fixture(name))));
  });

  it('rejects damaged chunks with the error of the codec and goes on', async () => {
    const pool = open({ workers: 1 });
    const bytes = fixture('zip.exr');
    const chunk = readHeader(bytes).parts[0]?.chunks[1];
    const damaged = bytes.map((byte, i) => (i === (chunk?.offset ?? 0) + 5 ? byte ^ 255 : byte));
    await expect(pool.read(damaged)).rejects.toMatchObject({
      code: 'malformed-exr',
      message: expect.stringContaining('chunk at (0, 16)') as string,
    });
    expect(await pool.read(bytes)).toEqual(readExr(bytes));
  });

  it('rejects a damaged header', async () => {
    await expect(open().read(new Uint8Array(10))).rejects.toMatchObject({ code: 'malformed-exr' });
  });

  it('replaces a worker that runs past the time limit', async () => {
    const pool = open({ workers: 1, timeLimitMs: 1 });
    const calls = [slowFile(), slowFile()].map((bytes) => pool.read(bytes));
    for (const call of calls) {
      await expect(call).rejects.toMatchObject({
        code: 'too-large',
        message: expect.stringContaining('1 ms') as string,
      });
    }
  });

  it('replaces a worker that runs out of memory', async () => {
    const pool = open({ workers: 1, heapLimitMb: 8 });
    const plane: Plane = { name: 'Y', type: 'half', data: new Float32Array(100_000) };
    const window = { xMin: 0, yMin: 0, xMax: 0, yMax: 99_999 };
    const empty = {
      name: '',
      view: undefined,
      attributes: new Map(),
      dataWindow: window,
      displayWindow: window,
    };
    const manyChunks = writeExr(
      { parts: [{ ...empty, planes: new Map([['Y', plane]]) }] },
      { compression: 'none' },
    );
    await expect(pool.read(manyChunks)).rejects.toMatchObject({ code: 'too-large' });
    const bytes = fixture('zip.exr');
    expect(await pool.read(bytes)).toEqual(readExr(bytes));
  });

  it('runs a call again whose worker has ended, and gives up when that one ends too', async () => {
    let crashes = 0;
    const note = (worker: Worker): void => {
      if (crashes-- > 0) void worker.terminate();
    };
    process.on('worker', note);
    const bytes = fixture('zip.exr');
    crashes = 1;
    expect(await open({ workers: 1 }).read(bytes)).toEqual(readExr(bytes));
    expect(crashes).toBe(-1);
    crashes = 2;
    const pool = open({ workers: 1 });
    await expect(pool.read(bytes)).rejects.toMatchObject({ code: 'internal' });
    expect(await pool.read(bytes)).toEqual(readExr(bytes));
    process.off('worker', note);
  });

  it('ends a running call when its signal aborts, and drops one that waits', async () => {
    const pool = open({ workers: 1 });
    const running = new AbortController();
    const waiting = new AbortController();
    const calls = [running, waiting].map((each) => pool.read(slowFile(), { signal: each.signal }));
    const last = pool.read(fixture('zip.exr'));
    waiting.abort();
    running.abort();
    for (const call of calls) await expect(call).rejects.toMatchObject({ code: 'cancelled' });
    expect(await last).toEqual(readExr(fixture('zip.exr')));
  });

  it('does not start a call whose signal has aborted', async () => {
    const call = open().read(fixture('zip.exr'), { signal: AbortSignal.abort() });
    await expect(call).rejects.toMatchObject({ code: 'cancelled' });
  });

  it('rejects all calls when it closes', async () => {
    const pool = open({ workers: 1 });
    const calls = Promise.allSettled([pool.read(slowFile()), pool.read(slowFile())]);
    await pool.close();
    for (const call of await calls) {
      expect(call).toMatchObject({ status: 'rejected', reason: { code: 'cancelled' } });
    }
    await expect(pool.read(fixture('zip.exr'))).rejects.toMatchObject({ code: 'cancelled' });
  });
});
