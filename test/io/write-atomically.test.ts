import { execFile, execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { lstat, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { writeAtomically } from '../../src/io/write-atomically.js';

let folder: string;
const at = (name: string): string => join(folder, name);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'quietframe-write-'));
});
afterAll(() => rm(folder, { recursive: true }));

it('writes new files and over old ones', async () => {
  for (const text of ['first', 'second']) {
    await writeAtomically(at('file'), text);
    expect(await readFile(at('file'), 'utf8')).toBe(text);
  }
});

it('writes the file that a link leads to, and keeps the link', async () => {
  await writeFile(at('target'), 'old');
  await symlink('target', at('link'));
  await writeAtomically(at('link'), 'new');
  expect((await lstat(at('link'))).isSymbolicLink()).toBe(true);
  expect(await readFile(at('target'), 'utf8')).toBe('new');
});

it('writes into a pipe without taking its place', async () => {
  execFileSync('mkfifo', [at('pipe')]);
  const reader = promisify(execFile)('cat', [at('pipe')]);
  await writeAtomically(at('pipe'), 'bytes');
  expect((await reader).stdout).toBe('bytes');
  expect((await lstat(at('pipe'))).isFIFO()).toBe(true);
});

it('refuses a folder, naming it, and leaves no other file', async () => {
  await mkdir(at('folder'));
  const before = await readdir(folder);
  await expect(writeAtomically(at('folder'), 'text')).rejects.toMatchObject({
    code: 'file-system',
    message: expect.stringContaining(at('folder')),
  });
  expect(await readdir(folder)).toEqual(before);
});

it.runIf(existsSync('/dev/full'))('says that the disk is full', async () => {
  await expect(writeAtomically('/dev/full', 'text')).rejects.toThrow('cannot be written: the disk is full');
});
