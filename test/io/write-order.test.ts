import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it, vi } from 'vitest';

/** Calls of the file system, in order. */
const calls: string[] = [];
vi.mock('node:fs/promises', async (original) => {
  const fs = await original<typeof import('node:fs/promises')>();
  return {
    ...fs,
    open: async (path: string, flags: string, mode?: number) => {
      const file = await fs.open(path, flags, mode);
      const name = path.endsWith('.partial') ? 'file' : 'folder';
      const sync = file.sync.bind(file);
      file.sync = () => {
        calls.push(`sync ${name}`);
        return sync();
      };
      return file;
    },
    rename: (from: string, to: string) => {
      calls.push('rename');
      return fs.rename(from, to);
    },
  };
});
const { writeAtomically } = await import('../../src/io/write-atomically.js');

const folder = await mkdtemp(join(tmpdir(), 'quietframe-order-'));
afterAll(() => rm(folder, { recursive: true }));

it('has a file on the disk before it gets its name, and the name before the write ends', async () => {
  await writeAtomically(join(folder, 'out.exr'), 'bytes');
  expect(calls).toEqual(['sync file', 'rename', 'sync folder']);
});
