import { LRUCache } from 'lru-cache';
import { expected, QuietframeError } from '../../errors.js';
import type { ExrPool } from '../../exr/pool.js';
import type { ExrSummary } from '../../exr/worker.js';
import { FILE_ROLES, type FileRole } from '../../image/joined-parts.js';
import { AOV_NAMES } from '../http/upload.js';
import type { OwnedFrames } from './owned-frames.js';

/** An OpenEXR file of a request. Its header is known before its turn, its bytes are needed in it alone. */
export interface SourceFile {
  /** Bytes of the file. */
  readonly length: number;
  /** SHA-256, where it is known. */
  readonly digest: string | undefined;
  /**
   * Its checked header.
   * @throws QuietframeError as `ExrPool.inspect`; `missing-frames`.
   */
  header(): Promise<ExrSummary>;
  /** @throws QuietframeError `missing-frames`. */
  load(): Promise<Uint8Array>;
}

/** Headers that are remembered, by the memory that they take. */
const HEADER_CACHE_BYTES = 2 ** 26;
const PART_BYTES = 300;
const CHANNEL_BYTES = 100;

/** What a file always is, whoever sends it. */
const LASTING: readonly string[] = ['malformed-exr', 'unsupported-exr'];

/**
 * The files that requests bring or name by digest. Headers are read in a worker, once for each digest; kept files that
 * were never inspected by this process are read one after the other for it, so that any number of waiting requests holds
 * one file in memory.
 */
export class SourceFiles {
  readonly #pool: Pick<ExrPool, 'inspect' | 'join'>;
  readonly #headers = new LRUCache<string, { readonly header: ExrSummary | QuietframeError }>({
    maxSize: HEADER_CACHE_BYTES,
    sizeCalculation: ({ header }) =>
      header instanceof QuietframeError
        ? PART_BYTES
        : header.parts.reduce((sum, { channels }) => sum + PART_BYTES + CHANNEL_BYTES * channels.length, 0),
  });
  readonly #reading = new Map<string, Promise<ExrSummary>>();
  #last: Promise<unknown> = Promise.resolve();

  constructor(pool: Pick<ExrPool, 'inspect' | 'join'>) {
    this.#pool = pool;
  }

  /** A file that came with its request. */
  uploaded(bytes: Uint8Array, digest?: string): SourceFile {
    let header: Promise<ExrSummary> | undefined;
    return {
      length: bytes.length,
      digest,
      header: () => {
        header ??= digest === undefined ? this.#pool.inspect(bytes) : this.#header(digest, async () => bytes);
        return header;
      },
      load: async () => bytes,
    };
  }

  /** A file among the kept ones of its owner. */
  stored(digest: string, frames: OwnedFrames): SourceFile {
    const load = async (): Promise<Uint8Array> => {
      const bytes = await frames.get(digest);
      if (bytes !== undefined) return bytes;
      throw missingFrames([digest]);
    };
    return {
      length: frames.sizeOf(digest),
      digest,
      header: () => this.#header(digest, () => this.#last.then(load)),
      load,
    };
  }

  /** A frame's file with the layers of others: they are joined in its turn. */
  joined(main: SourceFile, others: ReadonlyMap<FileRole, SourceFile>): SourceFile {
    const all = [main, ...others.values()];
    return {
      length: all.reduce((sum, file) => sum + file.length, 0),
      digest: undefined,
      header: async () => {
        const { parts } = await main.header();
        const headers = await Promise.all(
          [...others].map(([role, file]) => namingRole(role, () => file.header())),
        );
        const length = all.reduce((sum, file) => sum + file.length, 0);
        return { length, parts: [...parts, ...headers.flatMap((header) => header.parts)] };
      },
      load: async () => {
        const loaded = await Promise.all(
          [...others].map(async ([role, file]) => [role, await file.load()] as const),
        );
        return namingRole(undefined, async () => this.#pool.join(await main.load(), new Map(loaded)));
      },
    };
  }

  async #header(digest: string, load: () => Promise<Uint8Array>): Promise<ExrSummary> {
    const known = this.#headers.get(digest);
    if (known === undefined) return this.#reading.get(digest) ?? this.#read(digest, load);
    if (known.header instanceof QuietframeError) {
      const { code, message, details } = known.header;
      throw new QuietframeError(code, message, details);
    }
    return known.header;
  }

  #read(digest: string, load: () => Promise<Uint8Array>): Promise<ExrSummary> {
    const read = (async () => {
      try {
        const header = await this.#pool.inspect(await load());
        this.#headers.set(digest, { header });
        return header;
      } catch (error) {
        if (error instanceof QuietframeError && LASTING.includes(error.code)) {
          this.#headers.set(digest, { header: error });
        }
        throw error;
      } finally {
        this.#reading.delete(digest);
      }
    })();
    this.#reading.set(digest, read);
    this.#last = Promise.allSettled([this.#last, read]);
    return read;
  }
}

/** Errors about the file of a role name it as requests do. */
async function namingRole<T>(role: FileRole | undefined, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof QuietframeError)) throw error;
    const known = role ?? FILE_ROLES.find((each) => each === error.details.frame);
    if (known === undefined || error.code === 'missing-frames') throw error;
    const details = { ...error.details, frame: AOV_NAMES[known] };
    throw new QuietframeError(error.code, error.message, details, { cause: error });
  }
}

/** What a request that names files which are not kept is answered with. */
export function missingFrames(missing: readonly string[], name = 'the request'): QuietframeError {
  const message = expected('frames that have been sent before', name, `${missing.length} that are not kept`);
  return new QuietframeError('missing-frames', message, { missing });
}
