import { chmod, lstat, mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { QuietframeError } from '../../errors.js';
import { partialOf } from '../../io/partial-files.js';
import { writeAtomically } from '../../io/write-atomically.js';
import { FolderLock } from '../frames/folder-lock.js';
import type { FrameEnd, Job } from './job.js';
import { parseRecord } from './parse-record.js';

/** What happens to the work on a job, beside the ends of its frames. */
export type JobEvent = 'started' | 'stopped';

const SUFFIX = '.jsonl';
/** Of records that were not understood; for people. */
const SET_ASIDE = '.damaged';
const ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Where records that are set aside are told. */
export interface RecordsLog {
  error(details: object, message: string): void;
}

/**
 * Jobs written down, so that they survive the process: a file each, of lines of JSON. The first is what was asked for, each
 * other one how the work on a frame ended. A line that was not written whole counts as not written. One process uses a folder
 * at a time.
 */
export class JobRecords {
  readonly #folder: string;
  readonly #lock: FolderLock;

  private constructor(folder: string, lock: FolderLock) {
    this.#folder = folder;
    this.#lock = lock;
  }

  /**
   * Takes the folder and reads its jobs. What is no record of a job is set aside, told and left out; no record is deleted.
   * @throws QuietframeError `file-system` where the folder cannot be used, or is used by another process.
   */
  static async open(
    folder: string,
    log?: RecordsLog,
  ): Promise<{ readonly records: JobRecords; readonly jobs: Job[] }> {
    let lock: FolderLock | undefined;
    try {
      await mkdir(folder, { recursive: true, mode: 0o700 });
      lock = await FolderLock.take(folder);
      const jobs: Job[] = [];
      for (const name of await readdir(folder)) {
        if (partialOf(name) !== undefined) await rm(join(folder, name), { force: true });
        const id = name.slice(0, -SUFFIX.length);
        if (!name.endsWith(SUFFIX) || !ID.test(id)) continue;
        const job = await readRecord(join(folder, name), id, log);
        if (job !== undefined) jobs.push(job);
      }
      jobs.sort((a, b) => a.spec.created.localeCompare(b.spec.created));
      return { records: new JobRecords(folder, lock), jobs };
    } catch (cause) {
      await lock?.release();
      if (cause instanceof QuietframeError) throw cause;
      throw new QuietframeError('file-system', `The folder of jobs ${folder} cannot be used`, {}, { cause });
    }
  }

  /** Gives the folder to the next process. */
  async close(): Promise<void> {
    await this.#lock.release();
  }

  /** @throws QuietframeError `file-system`. */
  async create({ spec }: Job): Promise<void> {
    const bytes = Buffer.from(`${JSON.stringify(spec)}\n`);
    await writeAtomically(this.#path(spec.id), bytes, { mode: 0o600, replaceLink: true });
  }

  /** @throws QuietframeError `file-system`. */
  async append({ spec }: Job, index: number, end: FrameEnd): Promise<void> {
    await this.#appendLine(spec.id, { index, end });
  }

  /**
   * Writes down that the work on a job begins, or that it was stopped in order.
   * @throws QuietframeError `file-system`.
   */
  async note({ spec }: Job, event: JobEvent): Promise<void> {
    await this.#appendLine(spec.id, { event });
  }

  async #appendLine(id: string, entry: object): Promise<void> {
    try {
      const file = await open(this.#path(id), 'a', 0o600);
      try {
        // What follows a line that was cut off would be lost with it.
        await file.writeFile(`\n${JSON.stringify(entry)}\n`);
        await file.datasync();
      } finally {
        await file.close();
      }
    } catch (cause) {
      throw new QuietframeError('file-system', 'The record of a job cannot be written', {}, { cause });
    }
  }

  async remove({ spec }: Job): Promise<void> {
    await rm(this.#path(spec.id), { force: true });
  }

  #path(id: string): string {
    return join(this.#folder, id + SUFFIX);
  }
}

/** A job, or nothing where the entry is none: it is renamed, so that it is told once. */
async function readRecord(path: string, id: string, log: RecordsLog | undefined): Promise<Job | undefined> {
  let reason: unknown = 'not a record of the job that its name says';
  try {
    // Links are not followed: what they lead to may be anything.
    if ((await lstat(path)).isFile()) {
      const job = parseRecord(await readFile(path, 'utf8'), id);
      if (job !== undefined) {
        await chmod(path, 0o600).catch(() => {});
        return job;
      }
    }
  } catch (error) {
    reason = error;
  }
  await rename(path, path + SET_ASIDE).catch(() => {});
  log?.error({ err: reason, record: id }, 'A record of a job was set aside');
  return undefined;
}
