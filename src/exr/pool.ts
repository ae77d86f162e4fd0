import type { Image } from '../image/image.js';
import type { FileRole } from '../image/joined-parts.js';
import { ThreadPool } from '../threads/thread-pool.js';
import { builtUrl } from '../threads/worker-url.js';
import { readLayout } from './header.js';
import type { ExrLayout } from './layout.js';
import type { ExrLimits } from './limits.js';
import { type ReadOptions, selectNames } from './read-exr.js';
import type { Replacements, ReplaceOptions } from './replace-channels.js';
import { type ExrSource, openSource, type SourceOptions } from './source.js';
import type { ExrJobs, ExrSummary } from './worker.js';
import type { WriteOptions } from './write-exr.js';

export interface ExrPoolOptions {
  /** Workers that may run at once; 2 by default. They start when they are first needed. */
  readonly workers?: number;
  /** Most milliseconds that one call may run in a worker; 120 000 by default. */
  readonly timeLimitMs?: number;
  /** Most MiB of heap of one worker, sample arrays not counted (the limits bound those); 512 by default. */
  readonly heapLimitMb?: number;
  readonly limits?: Partial<ExrLimits>;
}

export interface CallOptions {
  /** Aborting rejects with `cancelled` and ends the worker if the call has started. */
  readonly signal?: AbortSignal;
}

const WORKER_URL = builtUrl('exr/worker.js');

/**
 * Reads and writes OpenEXR in worker threads, so that no file holds up the event loop. A worker that ends by itself is
 * replaced, and its call is run again once; one that runs past a limit is replaced, and its call rejects. Idle workers do not keep the process alive.
 */
export class ExrPool {
  readonly #limits: Partial<ExrLimits>;
  readonly #threads: ThreadPool<ExrJobs>;

  constructor({ workers = 2, timeLimitMs = 120_000, heapLimitMb = 512, limits = {} }: ExrPoolOptions = {}) {
    this.#limits = limits;
    this.#threads = new ThreadPool({
      ...{ script: WORKER_URL, threads: workers, timeLimitMs, heapLimitMb },
      ...{ work: 'the work on an OpenEXR file', abort: 'terminate' },
    });
  }

  /**
   * Attributes, windows and channels, read at once on the calling thread: the limits bound them. The positions of the
   * chunks are checked by the workers.
   * @throws QuietframeError as `readLayout`.
   */
  header(bytes: Uint8Array): ExrLayout {
    return readLayout(bytes, this.#limits);
  }

  /**
   * The file with its header, which {@link read} and {@link replace} do not read again.
   * @throws QuietframeError as `readLayout`.
   */
  open(bytes: Uint8Array, options: Omit<SourceOptions, 'limits'> = {}): ExrSource {
    return openSource(bytes, { ...options, limits: this.#limits });
  }

  /**
   * Checks the whole header, chunk tables among it, in a worker. A thread that answers others never reads a file itself.
   * @throws QuietframeError as `readHeader`; `cancelled`; `too-large` past the time or heap limit.
   */
  async inspect(bytes: Uint8Array, { signal }: CallOptions = {}): Promise<ExrSummary> {
    return this.#threads.run('inspect', { bytes: shareBytes(bytes), limits: this.#limits }, { signal });
  }

  /**
   * As `readExr`. The bytes are copied once, but for those of a SharedArrayBuffer. The header of bytes is read on the calling
   * thread.
   * @throws QuietframeError as `readExr`; `cancelled`; `too-large` past the time or heap limit.
   */
  async read(
    file: Uint8Array | ExrSource,
    options: Pick<ReadOptions, 'select'> & CallOptions = {},
  ): Promise<Image> {
    const limits = this.#limits;
    const { bytes, header } = this.#opened(file);
    const names = selectNames(header, { ...options, limits });
    const { signal } = options;
    return this.#threads.run('read', { bytes: shareBytes(bytes), header, limits, names }, { signal });
  }

  /**
   * As `replaceChannels`. All arrays are copied. The header of bytes is read on the calling thread.
   * @throws QuietframeError as `replaceChannels` and `readHeader`; `cancelled`; `too-large` past the time or heap limit.
   */
  async replace(
    original: Uint8Array | ExrSource,
    replacements: Replacements,
    { signal, ...options }: ReplaceOptions & CallOptions = {},
  ): Promise<Uint8Array> {
    const limits = this.#limits;
    const touched = new Set([...replacements.keys(), ...(options.add ?? []).map((channel) => channel.part)]);
    const { bytes, header } = this.#opened(original);
    selectNames(header, { limits, select: (part) => touched.has(part.index) });
    const given = { original: shareBytes(bytes), header, limits, replacements, options };
    return this.#threads.run('replace', given, { signal });
  }

  /**
   * As `joinFiles`. The result is shared memory.
   * @throws QuietframeError as `joinFiles`; `cancelled`; `too-large` past the time or heap limit.
   */
  async join(
    original: Uint8Array,
    others: ReadonlyMap<FileRole, Uint8Array>,
    { signal }: CallOptions = {},
  ): Promise<Uint8Array> {
    const shared = new Map([...others].map(([role, bytes]) => [role, shareBytes(bytes)]));
    const given = { original: shareBytes(original), others: shared, limits: this.#limits };
    return shareBytes(await this.#threads.run('join', given, { signal }));
  }

  /**
   * As `writeExr`. All arrays are copied.
   * @throws QuietframeError as `writeExr`; `cancelled`; `too-large` past the time or heap limit.
   */
  async write(image: Image, { signal, ...options }: WriteOptions & CallOptions = {}): Promise<Uint8Array> {
    return this.#threads.run('write', { image, options }, { signal });
  }

  /** Ends all workers; calls that wait or run reject with `cancelled`, as do later ones. */
  close(): Promise<void> {
    return this.#threads.close();
  }

  #opened(file: Uint8Array | ExrSource): Pick<ExrSource, 'bytes' | 'header'> {
    return 'header' in file ? file : { bytes: file, header: this.header(file) };
  }
}

function shareBytes(bytes: Uint8Array): Uint8Array {
  if (bytes.buffer instanceof SharedArrayBuffer) return bytes;
  const shared = new Uint8Array(new SharedArrayBuffer(bytes.length));
  shared.set(bytes);
  return shared;
}
