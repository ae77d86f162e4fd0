import { randomUUID } from 'node:crypto';
import { open, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { QuietframeError } from '../../errors.js';
import { isProcessAlive } from '../../io/is-process-alive.js';

/** The file of a lock, in the folder. */
export const LOCK_NAME = '.lock';

export interface LockOptions {
  /** Milliseconds between two signs of life. */
  readonly beatMs?: number;
  /** The machine; its name by default. */
  readonly host?: string;
}

/** Whose a lock is. */
interface Holder {
  readonly id: string;
  readonly host: string;
  readonly pid: number;
}

/** Signs of life that a holder on another machine may miss. */
const MISSED_BEATS = 3;

/**
 * A folder that one process may use. Its holder writes the lock again and again; one that no longer does, or whose process on this
 * machine has ended, has lost it. No clock is compared with that of another machine.
 */
export class FolderLock {
  readonly #path: string;
  readonly #holder: Holder;
  readonly #timer: NodeJS.Timeout;

  private constructor(path: string, holder: Holder, beatMs: number) {
    this.#path = path;
    this.#holder = holder;
    this.#timer = setInterval(() => void this.#beat(), beatMs).unref();
  }

  /** @throws QuietframeError `file-system` where another process uses the folder. */
  static async take(
    folder: string,
    { beatMs = 5000, host = hostname() }: LockOptions = {},
  ): Promise<FolderLock> {
    const path = join(folder, LOCK_NAME);
    const holder: Holder = { id: randomUUID(), host, pid: process.pid };
    for (;;) {
      try {
        const file = await open(path, 'wx', 0o600);
        await file.writeFile(JSON.stringify(holder));
        await file.close();
        return new FolderLock(path, holder, beatMs);
      } catch (error) {
        if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
      }
      const other = await read(path);
      if (other !== undefined && (await isHeld(path, other, host, beatMs))) {
        const message = `The folder ${folder} is used by process ${other.pid} on ${other.host}`;
        throw new QuietframeError('file-system', message);
      }
      await rm(path, { force: true });
    }
  }

  /** Gives the folder to others, unless they have it already. */
  async release(): Promise<void> {
    clearInterval(this.#timer);
    if ((await read(this.#path))?.id === this.#holder.id) await rm(this.#path, { force: true });
  }

  async #beat(): Promise<void> {
    if ((await read(this.#path))?.id !== this.#holder.id) return clearInterval(this.#timer);
    await writeFile(this.#path, JSON.stringify(this.#holder)).catch(() => {});
  }
}

async function isHeld(path: string, holder: Holder, host: string, beatMs: number): Promise<boolean> {
  if (holder.host === host) return holder.pid !== process.pid && isProcessAlive(holder.pid);
  const state = await stateOf(path);
  for (let beat = 0; beat < MISSED_BEATS; beat++) {
    await sleep(beatMs);
    if ((await stateOf(path)) !== state) return true;
  }
  return false;
}

async function stateOf(path: string): Promise<string> {
  const found = await stat(path, { bigint: true }).catch(() => undefined);
  return `${found?.ino} ${found?.mtimeNs}`;
}

/** Nothing where the lock is gone or was not written whole. */
async function read(path: string): Promise<Holder | undefined> {
  try {
    const { id, host, pid } = JSON.parse(await readFile(path, 'utf8')) as Partial<Holder>;
    return typeof id === 'string' && typeof host === 'string' && Number.isSafeInteger(pid) && Number(pid) > 0
      ? { id, host, pid: Number(pid) }
      : undefined;
  } catch {
    return undefined;
  }
}
