import { appendFile, mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { QuietframeError } from '../errors.js';
import { writeAtomically } from '../workflow/write-atomically.js';
import { type FrameEnd, Job, type JobSpec } from './job.js';

const SUFFIX = '.jsonl';
const ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/**
 * Jobs written down, so that they survive the process: a file each, of lines of JSON. The first is what was asked for, each
 * other one how the work on a frame ended. A line that was not written whole counts as not written.
 */
export class JobRecords {
  readonly #folder: string;

  private constructor(folder: string) {
    this.#folder = folder;
  }

  /** @throws QuietframeError `file-system`. */
  static async open(folder: string): Promise<{ readonly records: JobRecords; readonly jobs: Job[] }> {
    const records = new JobRecords(folder);
    try {
      await mkdir(folder, { recursive: true });
      const names = (await readdir(folder)).filter(
        (name) => name.endsWith(SUFFIX) && ID.test(name.slice(0, -SUFFIX.length)),
      );
      const jobs: Job[] = [];
      for (const name of names) {
        const job = parseRecord(await readFile(join(folder, name), 'utf8'));
        if (job === undefined) await rm(join(folder, name), { force: true });
        else jobs.push(job);
      }
      return { records, jobs: jobs.sort((a, b) => a.spec.created.localeCompare(b.spec.created)) };
    } catch (cause) {
      throw new QuietframeError('file-system', `The folder of jobs ${folder} cannot be used`, {}, { cause });
    }
  }

  /** @throws QuietframeError `file-system`. */
  async create({ spec }: Job): Promise<void> {
    await writeAtomically(this.#path(spec.id), Buffer.from(`${JSON.stringify(spec)}\n`));
  }

  /** @throws QuietframeError `file-system`. */
  async append({ spec }: Job, index: number, end: FrameEnd): Promise<void> {
    try {
      // What follows a line that was cut off would be lost with it.
      await appendFile(this.#path(spec.id), `\n${JSON.stringify({ index, end })}\n`);
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

function parseRecord(text: string): Job | undefined {
  const [first, ...lines] = text.split('\n');
  const spec = parseLine<JobSpec>(first);
  if (spec === undefined || !Array.isArray(spec.frames)) return undefined;
  const ends = lines.flatMap((line): [number, FrameEnd][] => {
    const entry = parseLine<{ readonly index: number; readonly end: FrameEnd }>(line);
    return entry === undefined ? [] : [[entry.index, entry.end]];
  });
  return new Job(spec, new Map(ends));
}

/** What this service has written, or nothing. */
function parseLine<T>(line: string | undefined): T | undefined {
  try {
    return line ? (JSON.parse(line) as T) : undefined;
  } catch {
    return undefined;
  }
}
