import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, beforeEach, expect, it } from 'vitest';
import { partialOf, sweepPartialFiles, withPartialFile } from '../../src/io/partial-files.js';

const root = await mkdtemp(join(tmpdir(), 'quietframe-partial-'));
let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(root, 'case-'));
});
afterAll(() => rm(root, { recursive: true }));

/** A process that has ended. */
async function deadProcess(): Promise<number> {
  const child = spawn(process.execPath, ['-e', '']);
  await once(child, 'exit');
  return child.pid as number;
}

/** Leaves a partial file of a target as the process would, were it killed. */
async function leavePartial(target: string, pid: number): Promise<string> {
  let path = '';
  await withPartialFile(target, async (partial) => {
    path = partial.replace(`-${process.pid}.`, `-${pid}.`);
    await writeFile(path, 'half');
  });
  return path;
}

it('removes what a killed process has left beside the targets, and nothing else', async () => {
  const target = join(folder, 'shot.0001.exr');
  const pid = await deadProcess();
  const left = await leavePartial(target, pid);
  expect(partialOf(basename(left))).toBe('shot.0001.exr');
  const other = await leavePartial(join(folder, 'shot.0002.exr'), pid);
  const alive = await leavePartial(target, process.ppid);
  const files = ['shot.0001.exr', '.shot.0001.exr.partial', 'partial'];
  for (const name of files) await writeFile(join(folder, name), 'whole');
  await sweepPartialFiles([target, join(folder, 'shot.0003.exr'), join(folder, 'none', 'a.exr')]);
  expect((await readdir(folder)).sort()).toEqual([...files, basename(other), basename(alive)].sort());
});

it('keeps what this process writes, and removes what an earlier one of the same number has left', async () => {
  const target = join(folder, 'out.exr');
  await withPartialFile(target, async (partial) => {
    await writeFile(partial, 'half');
    await leavePartial(target, process.pid);
    expect(await readdir(folder)).toHaveLength(2);
    await sweepPartialFiles([target]);
    expect(await readdir(folder)).toEqual([basename(partial)]);
  });
});

it('keeps partial files of other machines until nobody has written to them for an hour', async () => {
  const target = join(folder, 'out.exr');
  const foreign = (await leavePartial(target, process.pid)).replace(/\.[0-9a-f]{8}-\d+\./, '.00000000-1.');
  await writeFile(foreign, 'half');
  await sweepPartialFiles([target]);
  expect(await readdir(folder)).toEqual([basename(foreign)]);
  await utimes(foreign, 1e9, 1e9);
  await sweepPartialFiles([target]);
  expect(await readdir(folder)).toEqual([]);
});

it('leaves no partial file of a write that fails', async () => {
  const failing = withPartialFile(join(folder, 'out.exr'), async (partial) => {
    await writeFile(partial, 'half');
    throw new Error('full');
  });
  await expect(failing).rejects.toThrow('full');
  expect(await readdir(folder)).toEqual([]);
});
