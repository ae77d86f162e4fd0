import { open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { expected, QuietframeError } from '../../errors.js';
import { writeAtomically } from '../../io/write-atomically.js';
import { digestOfName } from './frame-name.js';
import { RetainedFrames } from './retained-frames.js';
import {
  hashOf,
  listSpool,
  openedFile,
  readWhole,
  type SpooledFile,
  type StoreLog,
  SUFFIX,
} from './spool-files.js';

export interface FrameStoreOptions {
  /** Bytes of frames that are kept in memory. */
  readonly memoryBytes: number;
  /** Folder for what no longer fits into memory; undefined for none. It may be shared, and what it holds is found again. */
  readonly spoolFolder: string | undefined;
  /** Bytes of frames that are kept there. */
  readonly spoolBytes: number;
}

/**
 * Frames by name, which is the SHA-256 of their bytes and the namespace of their owner: in memory and, once they are the least
 * recently used there, in a spool folder, where they are the least recently used to go. Everything in it can be sent again, so that nothing is lost that matters.
 */
export class FrameStore {
  readonly #options: FrameStoreOptions;
  /** Least recently used first, as all maps here. */
  readonly #memory = new Map<string, Uint8Array>();
  /** On their way to the spool. */
  readonly #moving = new Map<string, Uint8Array>();
  /** States of files of the spool in which they had their digest. */
  readonly #checked = new Map<string, string>();
  /** Files of the spool that are being read. */
  readonly #reading = new Map<string, Promise<Uint8Array | undefined>>();
  /** Bytes of the files. */
  readonly #spool = new Map<string, number>();
  /** How many need a frame, and must not lose it. */
  readonly #retained = new RetainedFrames();
  #memoryBytes = 0;
  #spoolBytes = 0;
  #spoolFailures = 0;

  private constructor(options: FrameStoreOptions) {
    this.#options = options;
  }

  /**
   * Finds what the spool folder holds, and makes the folder where there is none. Entries that are no frames are left alone, and
   * others may come and go meanwhile: replicas may share the folder.
   * @param log where entries are told that look like frames and are none.
   * @throws QuietframeError `file-system`.
   */
  static async open(options: FrameStoreOptions, log?: StoreLog): Promise<FrameStore> {
    const store = new FrameStore(options);
    await store.#findSpooled(log);
    return store;
  }

  /** Bytes of the largest frame that can be kept. */
  get largest(): number {
    const { memoryBytes, spoolFolder, spoolBytes } = this.#options;
    return Math.max(memoryBytes, spoolFolder === undefined ? 0 : spoolBytes);
  }

  get memoryBytes(): number {
    return this.#memoryBytes;
  }

  get spoolBytes(): number {
    return this.#spoolBytes;
  }

  /** Frames that could not be written to the spool, and were lost if they did not fit into memory. */
  get spoolFailures(): number {
    return this.#spoolFailures;
  }

  has(name: string): boolean {
    return this.#memory.has(name) || this.#moving.has(name) || this.#spool.has(name);
  }

  /** The frame, which is the most recently used then; undefined when it is not kept or its file is damaged. */
  async get(name: string): Promise<Uint8Array | undefined> {
    const kept = this.inMemory(name);
    if (kept !== undefined) return kept;
    return this.#reading.get(name) ?? this.#fetch(name);
  }

  /** The frame if it is in memory, which is the most recently used then. */
  inMemory(name: string): Uint8Array | undefined {
    const kept = this.#memory.get(name);
    if (kept === undefined) return this.#moving.get(name);
    this.#memory.delete(name);
    this.#memory.set(name, kept);
    return kept;
  }

  /**
   * The file of a frame in the spool, for who reads it piece by piece; undefined where there is none or it is damaged. Its
   * digest is checked once for each state of the file.
   */
  async openSpooled(name: string): Promise<SpooledFile | undefined> {
    const size = this.#spool.get(name);
    if (size === undefined) return undefined;
    this.#spool.delete(name);
    this.#spool.set(name, size);
    const file = await open(this.#path(name)).catch(() => undefined);
    if (file === undefined) {
      await this.#dropSpooled(name);
      return undefined;
    }
    const { ino, mtimeMs, size: length } = await file.stat();
    const state = `${ino} ${mtimeMs} ${length}`;
    if (this.#checked.get(name) !== state) {
      if ((await hashOf(file)) !== digestOfName(name)) {
        await file.close();
        await this.#dropSpooled(name);
        return undefined;
      }
      this.#checked.set(name, state);
    }
    return openedFile(file, length);
  }

  /** Reads a file of the spool once for all who want it meanwhile. */
  #fetch(name: string): Promise<Uint8Array | undefined> {
    const reading = (async () => {
      try {
        const bytes = await this.#readSpooled(name);
        if (bytes !== undefined && this.#spool.has(name)) await this.put(name, bytes);
        return bytes;
      } finally {
        this.#reading.delete(name);
      }
    })();
    this.#reading.set(name, reading);
    return reading;
  }

  /**
   * Keeps a frame, whose digest is known to be right, and lets go of others for it.
   * @throws QuietframeError `too-large`; `file-system` when the spool fails.
   */
  async put(name: string, bytes: Uint8Array): Promise<void> {
    if (bytes.length > this.largest) throw tooLarge(this.largest, bytes.length);
    // It would drive out everything else, and then itself.
    if (bytes.length > this.#options.memoryBytes) return this.#toSpool(name, bytes);
    if (!this.#memory.has(name)) {
      this.#memory.set(name, bytes);
      this.#memoryBytes += bytes.length;
    }
    const leaving: Promise<void>[] = [];
    for (const [oldest, old] of this.#memory) {
      if (this.#memoryBytes <= this.#options.memoryBytes) break;
      if (this.#retained.has(oldest) && this.#options.spoolFolder === undefined) continue;
      this.#drop(oldest);
      leaving.push(this.#leave(oldest, old));
    }
    await Promise.all(leaving);
  }

  /**
   * Lets go of none of these frames until they are released. At most half of the store can be held on to.
   * @throws QuietframeError `missing-frames`; `too-large` when these alone are more; `overloaded` when all together are.
   */
  pin(names: readonly string[]): void {
    const missing = names.filter((name) => !this.has(name)).map(digestOfName);
    if (missing.length > 0) {
      const received = `${missing.length} that are not kept`;
      const message = expected('frames that have been sent before', 'the job', received);
      throw new QuietframeError('missing-frames', message, { missing });
    }
    this.#retained.pin(new Map(names.map((name) => [name, this.sizeOf(name)])), this.largest / 2);
  }

  release(names: readonly string[]): void {
    this.#retained.release(new Set(names));
  }

  /**
   * Writes a frame to the spool already, so that it survives the process.
   * @throws QuietframeError `file-system`, also where there is no spool that could hold it.
   */
  async persist(name: string): Promise<void> {
    const bytes = this.#memory.get(name);
    if (bytes !== undefined) await this.#toSpool(name, bytes);
    if (this.#spool.has(name) || this.#moving.has(name)) return;
    throw new QuietframeError('file-system', 'The spool folder cannot keep a frame');
  }

  /** Bytes of a frame that is kept; 0 for others. */
  sizeOf(name: string): number {
    return (this.#memory.get(name) ?? this.#moving.get(name))?.length ?? this.#spool.get(name) ?? 0;
  }

  /**
   * @returns whether there was one.
   * @throws QuietframeError `in-use` while a job needs it.
   */
  async delete(name: string): Promise<boolean> {
    if (this.#retained.has(name)) {
      const message = 'The frame cannot be deleted: a job that has not ended needs it';
      throw new QuietframeError('in-use', message, { frame: digestOfName(name), retryAfter: 30 });
    }
    const had = this.has(name);
    this.#drop(name);
    this.#moving.delete(name);
    await this.#dropSpooled(name);
    return had;
  }

  #drop(name: string): void {
    this.#memoryBytes -= this.#memory.get(name)?.length ?? 0;
    this.#memory.delete(name);
  }

  /** It fails for nobody else: what cannot be written is lost, unless it must not be. */
  async #leave(name: string, bytes: Uint8Array): Promise<void> {
    try {
      await this.#toSpool(name, bytes);
    } catch (error) {
      if (!(error instanceof QuietframeError)) throw error;
      this.#spoolFailures++;
      if (!this.#retained.has(name) || this.has(name)) return;
      this.#memory.set(name, bytes);
      this.#memoryBytes += bytes.length;
    }
  }

  async #toSpool(name: string, bytes: Uint8Array): Promise<void> {
    const { spoolFolder, spoolBytes } = this.#options;
    if (spoolFolder === undefined || bytes.length > spoolBytes || this.#spool.has(name)) return;
    this.#moving.set(name, bytes);
    try {
      await writeAtomically(this.#path(name), bytes, { mode: 0o600, replaceLink: true });
      if (this.#moving.get(name) !== bytes) {
        // It was deleted meanwhile, unless it was sent and moved again.
        if (!this.has(name)) await rm(this.#path(name), { force: true });
        return;
      }
      if (!this.#spool.has(name)) this.#spoolBytes += bytes.length;
      this.#spool.set(name, bytes.length);
    } finally {
      if (this.#moving.get(name) === bytes) this.#moving.delete(name);
    }
    for (const oldest of [...this.#spool.keys()]) {
      if (this.#spoolBytes <= spoolBytes) break;
      if (this.#retained.has(oldest)) continue;
      await this.#dropSpooled(oldest);
    }
  }

  async #dropSpooled(name: string): Promise<void> {
    const size = this.#spool.get(name);
    if (size === undefined) return;
    this.#spool.delete(name);
    this.#checked.delete(name);
    this.#spoolBytes -= size;
    await rm(this.#path(name), { force: true });
  }

  /** The bytes of a file whose digest is right; others may share the folder, and disks fail. */
  async #readSpooled(name: string): Promise<Uint8Array | undefined> {
    const size = this.#spool.get(name);
    if (size === undefined) return undefined;
    this.#spool.delete(name);
    this.#spool.set(name, size);
    const { bytes, digest } = await readWhole(this.#path(name), size);
    if (digest === digestOfName(name)) return bytes;
    await this.#dropSpooled(name);
    return undefined;
  }

  async #findSpooled(log: StoreLog | undefined): Promise<void> {
    const { spoolFolder } = this.#options;
    if (spoolFolder === undefined) return;
    for (const { name, size } of await listSpool(spoolFolder, log)) {
      this.#spool.set(name, size);
      this.#spoolBytes += size;
    }
  }

  #path(digest: string): string {
    return join(this.#options.spoolFolder ?? '', digest + SUFFIX);
  }
}

function tooLarge(limit: number, received: number): QuietframeError {
  return new QuietframeError(
    'too-large',
    expected(`at most ${limit}`, 'the bytes of a frame to keep', received),
  );
}
