import { randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { FolderLock, LOCK_NAME } from '../../../src/server/frames/folder-lock.js';
import { Job, type JobSpec } from '../../../src/server/jobs/job.js';
import { JobRecords } from '../../../src/server/jobs/job-records.js';

const DIGEST = 'a'.repeat(64);
const folders: string[] = [];
let folder: string;
const at = (name: string): string => join(folder, name);
beforeEach(async () => {
  folder = join(await mkdtemp(join(tmpdir(), 'quietframe-records-')), 'jobs');
  folders.push(folder);
});
afterAll(async () => {
  for (const each of folders) await rm(join(each, '..'), { recursive: true });
});

const spec = (id: string): JobSpec => ({
  ...{ id, owner: 'farm', created: '2026-01-01T00:00:00Z', urgency: 4, parameters: {} },
  frames: [{ frames: [DIGEST] }],
});
const record = (id: string, changes: object = {}): string =>
  `${JSON.stringify({ ...spec(id), ...changes })}\n`;
const write = async (text: (id: string) => string): Promise<string> => {
  const id = randomUUID();
  await mkdir(folder, { recursive: true });
  await writeFile(at(`${id}.jsonl`), text(id));
  return id;
};

describe('records of jobs', () => {
  it.each<[string, (id: string) => string]>([
    ['no JSON', () => 'not a record'],
    ['nothing', () => ''],
    ['an id that is a path', () => record('../../etc/passwd')],
    ['the id of another record', () => record(randomUUID())],
    ['digests that are paths', (id) => record(id, { frames: [{ frames: ['../secret'] }] })],
    ['a lambda that is no digest', (id) => record(id, { frames: [{ frames: [DIGEST], lambda: 7 }] })],
    ['frames that are none', (id) => record(id, { frames: [null] })],
    ['no frames', (id) => record(id, { frames: [] })],
    ['an owner that is no text', (id) => record(id, { owner: { name: 'farm' } })],
    ['parameters that are no texts', (id) => record(id, { parameters: { lambda: [1] } })],
  ])('with %s are set aside, told, and not deleted, and all others go on', async (_, text) => {
    const bad = await write(text);
    const before = await readFile(at(`${bad}.jsonl`), 'utf8');
    const good = await write(record);
    const log = { error: vi.fn() };
    const { records, jobs } = await JobRecords.open(folder, log);
    expect(jobs.map((job) => job.spec.id)).toEqual([good]);
    expect(log.error).toHaveBeenCalledTimes(1);
    expect(await readFile(at(`${bad}.jsonl.damaged`), 'utf8')).toBe(before);
    await records.close();
  });

  it('that are folders or links do not stop the service', async () => {
    const good = await write(record);
    await mkdir(at(`${randomUUID()}.jsonl`));
    await symlink('nowhere', at(`${randomUUID()}.jsonl`));
    const { records, jobs } = await JobRecords.open(folder);
    expect(jobs.map((job) => job.spec.id)).toEqual([good]);
    await records.close();
  });

  it('count ends of frames that the job has, and of results that are some', async () => {
    const result = { digest: DIGEST, bytes: 5, report: {} };
    const lines = [
      { index: 7, end: { result } },
      { index: -1, end: { result } },
      { index: 0, end: { result: { ...result, digest: '../x' } } },
      { index: 0, end: 'done' },
    ];
    await write((id) => record(id) + lines.map((line) => `\n${JSON.stringify(line)}\n`).join(''));
    const { records, jobs } = await JobRecords.open(folder);
    expect(jobs.map((job) => job.state)).toEqual(['queued']);
    await records.close();
  });

  it('are read by nobody else, and what was not written whole is swept', async () => {
    const { records } = await JobRecords.open(folder);
    const job = new Job(spec(randomUUID()));
    await records.create(job);
    await writeFile(at(`.${job.spec.id}.jsonl.${randomUUID()}.partial`), 'half');
    const paths = [folder, at(`${job.spec.id}.jsonl`)];
    const modes = await Promise.all(paths.map(async (path) => (await stat(path)).mode & 0o777));
    expect(modes).toEqual([0o700, 0o600]);
    await records.close();
    const next = await JobRecords.open(folder);
    expect(await readdir(folder)).toEqual([LOCK_NAME, `${job.spec.id}.jsonl`].sort());
    await next.records.close();
    expect(await readdir(folder)).toEqual([`${job.spec.id}.jsonl`]);
  });
});

describe('a folder', () => {
  const held = (holder: object): Promise<void> =>
    mkdir(folder, { recursive: true }).then(() => writeFile(at(LOCK_NAME), JSON.stringify(holder)));

  it('that a living process of this machine uses is refused, naming it', async () => {
    // The process that runs the tests lives as long as they do.
    await held({ id: 'x', host: 'here', pid: process.ppid });
    await expect(FolderLock.take(folder, { host: 'here' })).rejects.toMatchObject({
      code: 'file-system',
      message: expect.stringContaining(`process ${process.ppid} on here`),
    });
  });

  it('that a machine writes to is refused, and taken when it has stopped', async () => {
    await mkdir(folder, { recursive: true });
    const other = await FolderLock.take(folder, { host: 'there', beatMs: 20 });
    await expect(FolderLock.take(folder, { host: 'here', beatMs: 200 })).rejects.toMatchObject({
      code: 'file-system',
    });
    await other.release();
    await held({ id: 'x', host: 'there', pid: 1 });
    const lock = await FolderLock.take(folder, { host: 'here', beatMs: 20 });
    await lock.release();
    expect(await readdir(folder)).toEqual([]);
  });

  it.each(['', '{', '{"id":1}'])('whose lock was not written whole is taken: %j', async (text) => {
    await held({});
    await writeFile(at(LOCK_NAME), text);
    const lock = await FolderLock.take(folder);
    await lock.release();
  });
});
