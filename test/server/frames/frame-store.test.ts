import { createHash, randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, readdir, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { parseDigest } from '../../../src/server/frames/frame-name.js';
import { FrameStore } from '../../../src/server/frames/frame-store.js';

const frame = (seed: number, size = 100): Uint8Array => new Uint8Array(size).fill(seed);
const digestOf = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
const put = async (store: FrameStore, bytes: Uint8Array): Promise<string> => {
  await store.put(digestOf(bytes), bytes);
  return digestOf(bytes);
};

let root: string;
let count = 0;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'quietframe-store-'));
});
afterAll(() => rm(root, { recursive: true }));

const inMemory = (memoryBytes: number): Promise<FrameStore> =>
  FrameStore.open({ memoryBytes, spoolFolder: undefined, spoolBytes: 1000 });
const spooled = async (memoryBytes: number, spoolBytes: number) => {
  const folder = join(root, String(count++), 'spool');
  return { folder, store: await FrameStore.open({ memoryBytes, spoolFolder: folder, spoolBytes }) };
};

describe('in memory', () => {
  it('keeps what fits, and lets go of what was used longest ago', async () => {
    const store = await inMemory(250);
    const [a, b] = [await put(store, frame(1)), await put(store, frame(2))];
    expect(await store.get(a)).toEqual(frame(1));
    const c = await put(store, frame(3));
    expect([store.has(a), store.has(b), store.has(c)]).toEqual([true, false, true]);
    expect(await store.get(b)).toBeUndefined();
    expect(store.memoryBytes).toBe(200);
  });

  it('counts a frame once, and frees what is deleted', async () => {
    const store = await inMemory(250);
    const a = await put(store, frame(1));
    await put(store, frame(1));
    expect(store.memoryBytes).toBe(100);
    expect([await store.delete(a), await store.delete(a)]).toEqual([true, false]);
    expect([store.has(a), store.memoryBytes]).toEqual([false, 0]);
  });

  it('refuses what can never fit', async () => {
    const store = await inMemory(250);
    const a = await put(store, frame(1));
    await expect(put(store, frame(2, 251))).rejects.toMatchObject({ code: 'too-large' });
    expect(store.has(a)).toBe(true);
  });
});

describe('with a spool folder', () => {
  it('moves there what leaves the memory, and brings it back', async () => {
    const { store, folder } = await spooled(150, 1000);
    const [a, b] = [await put(store, frame(1)), await put(store, frame(2))];
    expect(await readdir(folder)).toEqual([`${a}.exr`]);
    expect([store.memoryBytes, store.spoolBytes]).toEqual([100, 100]);
    expect(await store.get(a)).toEqual(frame(1));
    expect(await store.get(b)).toEqual(frame(2));
  });

  it('reads a file once for all who ask for it meanwhile', async () => {
    const { store } = await spooled(100, 1000);
    const digest = await put(store, frame(1));
    await put(store, frame(2));
    expect(store.inMemory(digest)).toBeUndefined();
    const found = await Promise.all(Array.from({ length: 20 }, () => store.get(digest)));
    expect(found[0]?.length).toBeGreaterThan(0);
    expect(new Set(found).size).toBe(1);
  });

  it('bounds the folder too', async () => {
    const { store, folder } = await spooled(0, 250);
    const digests = [];
    for (const seed of [1, 2, 3, 4]) digests.push(await put(store, frame(seed)));
    expect((await readdir(folder)).sort()).toEqual(
      digests
        .slice(2)
        .map((digest) => `${digest}.exr`)
        .sort(),
    );
    expect(store.spoolBytes).toBe(200);
  });

  it('does not drive all others out for a frame that is larger than the memory', async () => {
    const { store } = await spooled(150, 1000);
    const a = await put(store, frame(1));
    const large = await put(store, frame(2, 400));
    expect([store.memoryBytes, store.spoolBytes]).toEqual([100, 400]);
    expect([await store.get(a), await store.get(large)]).toEqual([frame(1), frame(2, 400)]);
  });

  it('finds what an earlier process left, and leaves other files alone', async () => {
    const { store, folder } = await spooled(0, 1000);
    const a = await put(store, frame(1));
    await writeFile(join(folder, 'notes.txt'), 'keep');
    const again = await FrameStore.open({ memoryBytes: 150, spoolFolder: folder, spoolBytes: 1000 });
    expect([again.has(a), again.spoolBytes]).toEqual([true, 100]);
    expect(await again.get(a)).toEqual(frame(1));
    await again.delete(a);
    expect(await readdir(folder)).toEqual(['notes.txt']);
  });

  it.each([
    ['changed', (path: string) => writeFile(path, frame(9))],
    ['cut', (path: string) => writeFile(path, frame(1, 50))],
    ['gone', (path: string) => rm(path)],
  ])('does not have a frame whose file is %s', async (_, damage) => {
    const { store, folder } = await spooled(0, 1000);
    const a = await put(store, frame(1));
    await damage(join(folder, `${a}.exr`));
    expect(await store.get(a)).toBeUndefined();
    expect([store.has(a), store.spoolBytes]).toEqual([false, 0]);
  });

  it('survives frames that are put, got and deleted at once', async () => {
    const { store, folder } = await spooled(250, 450);
    const frames = Array.from({ length: 8 }, (_, seed) => frame(seed));
    await Promise.all(
      Array.from({ length: 200 }, async (_, i) => {
        const bytes = frames[(i * 7) % 8] as Uint8Array;
        const digest = digestOf(bytes);
        if (i % 5 === 0) await store.delete(digest);
        else if (i % 3 === 0) expect((await store.get(digest)) ?? bytes).toEqual(bytes);
        else await store.put(digest, bytes);
      }),
    );
    expect(store.memoryBytes).toBeLessThanOrEqual(250);
    expect(store.spoolBytes).toBeLessThanOrEqual(450);
    for (const bytes of frames) await store.delete(digestOf(bytes));
    expect([store.memoryBytes, store.spoolBytes]).toEqual([0, 0]);
    expect(await readdir(folder)).toEqual([]);
  });

  it('goes on in memory when the spool can be written no more', async () => {
    const { store, folder } = await spooled(250, 1000);
    const [a, b] = [await put(store, frame(1)), await put(store, frame(2))];
    // A folder that is gone fails like one on a disk that is full.
    await rm(folder, { recursive: true });
    const c = await put(store, frame(3));
    expect([a, b, c].map((digest) => store.has(digest))).toEqual([false, true, true]);
    expect(await store.get(c)).toEqual(frame(3));
    expect(store.spoolFailures).toBe(1);
    await expect(store.persist(c)).rejects.toMatchObject({ code: 'file-system' });
    await mkdir(folder);
    await store.persist(c);
    expect(await readdir(folder)).toEqual([`${c}.exr`]);
  });

  it('loses no frame that is retained, though the spool can be written no more', async () => {
    const { store, folder } = await spooled(250, 1000);
    const a = await put(store, frame(1));
    store.pin([a]);
    await rm(folder, { recursive: true });
    for (let seed = 2; seed < 9; seed++) await put(store, frame(seed));
    expect(await store.get(a)).toEqual(frame(1));
  });

  it('goes on beside entries that are no frames, and those that others remove meanwhile', async () => {
    const { store, folder } = await spooled(0, 1000);
    const kept = await put(store, frame(1));
    const odd = [2, 3, 4, 5].map((seed) => digestOf(frame(seed)));
    await mkdir(join(folder, `${odd[0]}.exr`));
    await symlink(join(folder, 'nowhere'), join(folder, `${odd[1]}.exr`));
    await writeFile(join(root, 'outside'), frame(4));
    await symlink(join(root, 'outside'), join(folder, `${odd[2]}.exr`));
    await writeFile(join(folder, 'notes.txt'), 'mine');
    const log = { warn: vi.fn() };
    const next = await FrameStore.open({ memoryBytes: 0, spoolFolder: folder, spoolBytes: 1000 }, log);
    expect(odd.map((digest) => next.has(digest))).toEqual([false, false, false, false]);
    expect(log.warn).toHaveBeenCalledTimes(3);
    expect(await next.get(kept)).toEqual(frame(1));
    // A link in the place of a frame is replaced, and what it leads to is left alone.
    await next.put(odd[2] as string, frame(4));
    await writeFile(join(root, 'outside'), 'other');
    expect(await next.get(odd[2] as string)).toEqual(frame(4));
  });

  it('opens many times at once while others write and evict', async () => {
    const { store, folder } = await spooled(0, 500);
    let done = false;
    const busy = (async () => {
      for (let seed = 0; !done; seed++) await put(store, frame(seed % 251));
    })();
    const open = () => FrameStore.open({ memoryBytes: 0, spoolFolder: folder, spoolBytes: 1000 });
    for (let round = 0; round < 8; round++) await Promise.all([open(), open(), open()]);
    done = true;
    await busy;
  });

  it('lets nobody else read it, and sweeps what a writer has left behind long ago', async () => {
    const { store, folder } = await spooled(0, 1000);
    const kept = await put(store, frame(1));
    const modes = await Promise.all([folder, join(folder, `${kept}.exr`)].map((path) => stat(path)));
    expect(modes.map(({ mode }) => mode & 0o777)).toEqual([0o700, 0o600]);
    const partial = (uuid: string): string => join(folder, `.${kept}.exr.${uuid}.partial`);
    const [old, fresh] = [partial(randomUUID()), partial(randomUUID())];
    for (const path of [old, fresh]) await writeFile(path, 'half');
    await utimes(old, 1e9, 1e9);
    await FrameStore.open({ memoryBytes: 0, spoolFolder: folder, spoolBytes: 1000 });
    const names = await readdir(folder);
    expect([old, fresh].map((path) => names.includes(basename(path)))).toEqual([false, true]);
  });

  it('says when the folder cannot be used', async () => {
    const path = join(root, 'file');
    await writeFile(path, '');
    const open = FrameStore.open({ memoryBytes: 1, spoolFolder: path, spoolBytes: 1 });
    await expect(open).rejects.toMatchObject({ code: 'file-system' });
    await mkdir(join(root, 'fine'));
  });
});

describe('frames that are retained', () => {
  it('stay until all who need them have released them', async () => {
    const { store } = await spooled(100, 400);
    const a = await put(store, frame(1));
    store.pin([a]);
    store.pin([a]);
    const fill = async (): Promise<void> => {
      for (let seed = 2; seed < 12; seed++) await put(store, frame(seed));
    };
    await fill();
    expect(store.has(a)).toBe(true);
    store.release([a]);
    await fill();
    expect(await store.get(a)).toEqual(frame(1));
    store.release([a]);
    await fill();
    expect(store.has(a)).toBe(false);
  });

  it('stay in memory where there is no spool', async () => {
    const store = await inMemory(300);
    const a = await put(store, frame(1));
    store.pin([a]);
    for (let seed = 2; seed < 12; seed++) await put(store, frame(seed));
    expect(store.has(a)).toBe(true);
    expect(store.memoryBytes).toBeLessThanOrEqual(300);
  });

  it('are deleted by nobody until they are released', async () => {
    const store = await inMemory(1000);
    const a = await put(store, frame(1));
    store.pin([a]);
    await expect(store.delete(a)).rejects.toMatchObject({ code: 'in-use', details: { frame: a } });
    expect(await store.get(a)).toEqual(frame(1));
    store.release([a]);
    expect(await store.delete(a)).toBe(true);
  });

  it('are at most half of the store', async () => {
    const store = await inMemory(500);
    const [a, b, c] = await Promise.all([1, 2, 3].map((seed) => put(store, frame(seed))));
    expect(() => store.pin([a, b, c] as string[])).toThrow(expect.objectContaining({ code: 'too-large' }));
    store.pin([a, b] as string[]);
    expect(() => store.pin([c] as string[])).toThrow(expect.objectContaining({ code: 'overloaded' }));
    store.pin([a] as string[]);
    store.release([b] as string[]);
    store.pin([c] as string[]);
    expect(() => store.pin([digestOf(frame(9))])).toThrow(
      expect.objectContaining({ code: 'missing-frames', details: { missing: [digestOf(frame(9))] } }),
    );
  });
});

it.each([
  '',
  'abc',
  'A'.repeat(64),
  'g'.repeat(64),
  `../${'a'.repeat(61)}`,
  `${'a'.repeat(64)}\n`,
  7,
  undefined,
])('takes %j for no digest', (text) => {
  expect(() => parseDigest(text)).toThrow('64 lower-case');
});
