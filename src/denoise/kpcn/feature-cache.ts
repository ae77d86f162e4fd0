import { paddedSize } from '../../image/pyramid.js';
import type { Raster } from '../../image/raster.js';
import type { LevelRaster } from '../../kpcn/frame-features.js';

/** Rasters of all levels of a frame, in one block of shared memory. */
export interface CachedLevels<Name extends string = string> {
  readonly buffer: SharedArrayBuffer;
  /** The finest first. */
  readonly levels: readonly Readonly<Record<Name, Raster>>[];
}

/** Size of a frame and the rasters that are kept of each of its levels. */
export interface LevelsLayout<Name extends string = string> {
  readonly width: number;
  readonly height: number;
  readonly levels: number;
  readonly rasters: readonly LevelRaster<Name>[];
}

/** Lookups since the cache is there, and what it keeps. */
export interface CacheStatistics {
  readonly hits: number;
  readonly misses: number;
  readonly bytes: number;
}

/** Bytes of the rasters of all levels of a frame. */
export function levelsBytes({ width, height, levels, rasters }: LevelsLayout): number {
  const pixels = paddedSize(width, levels) * paddedSize(height, levels);
  const values = rasters.reduce((sum, { channels, scale }) => sum + channels / scale ** 2, 0);
  let bytes = 0;
  for (let l = 0; l < levels; l++) bytes += (pixels / 4 ** l) * values * Float32Array.BYTES_PER_ELEMENT;
  return bytes;
}

/**
 * What networks make of frames, by key: that which was used last, within a number of bytes. What a request uses is taken out
 * and given back by its {@link FeatureLease}, so that it comes on top of the limit. For one request at a time.
 */
export class FeatureCache {
  /** The one that was not used for longest first. */
  readonly #kept = new Map<string, CachedLevels>();
  /** Memory that requests have given back and nobody keeps, for the next one: shared memory that is dropped is freed late. */
  #spare: SharedArrayBuffer[] = [];
  #bytes = 0;
  #hits = 0;
  #misses = 0;

  /** @param limitBytes 0 keeps nothing. */
  constructor(readonly limitBytes: number) {}

  get statistics(): CacheStatistics {
    return { hits: this.#hits, misses: this.#misses, bytes: this.#bytes };
  }

  /** Begins a request. */
  lease(): FeatureLease {
    return new FeatureLease({
      take: (key, counts) => this.#take(key, counts),
      allocate: (bytes) => this.#allocate(bytes),
      giveBack: (taken, spare) => this.#giveBack(taken, spare),
      end: (older) => this.#forget(older),
      spare: new Set(this.#spare),
    });
  }

  #take(key: string, counts: boolean): CachedLevels | undefined {
    const found = this.#kept.get(key);
    if (found === undefined) {
      if (counts) this.#misses++;
      return undefined;
    }
    if (counts) this.#hits++;
    this.#drop(key);
    return found;
  }

  #drop(key: string): SharedArrayBuffer | undefined {
    const buffer = this.#kept.get(key)?.buffer;
    this.#kept.delete(key);
    this.#bytes -= buffer?.byteLength ?? 0;
    return buffer;
  }

  #allocate(bytes: number): SharedArrayBuffer {
    const fits = (buffer: SharedArrayBuffer): boolean => buffer.byteLength === bytes;
    const spare = this.#spare.findIndex(fits);
    if (spare >= 0) return this.#spare.splice(spare, 1)[0] as SharedArrayBuffer;
    // What is kept gives way as if the new one were kept already.
    while (this.#kept.size > 0 && this.#bytes + bytes > this.limitBytes) {
      const [oldest] = this.#kept.keys();
      const buffer = this.#drop(oldest as string) as SharedArrayBuffer;
      if (fits(buffer)) return buffer;
    }
    return new SharedArrayBuffer(bytes);
  }

  #forget(older: ReadonlySet<SharedArrayBuffer>): void {
    this.#spare = this.#spare.filter((buffer) => !older.has(buffer));
  }

  #giveBack(taken: ReadonlyMap<string, CachedLevels>, spare: readonly SharedArrayBuffer[]): void {
    this.#spare.push(...spare);
    for (const [key, features] of taken) {
      this.#kept.set(key, features);
      this.#bytes += features.buffer.byteLength;
    }
    while (this.#bytes > this.limitBytes) {
      const [oldest] = this.#kept.keys();
      this.#spare.push(this.#drop(oldest as string) as SharedArrayBuffer);
    }
  }
}

/** What a cache does for the request that uses it. */
interface Lender {
  readonly take: (key: string, counts: boolean) => CachedLevels | undefined;
  readonly allocate: (bytes: number) => SharedArrayBuffer;
  readonly giveBack: (taken: ReadonlyMap<string, CachedLevels>, spare: readonly SharedArrayBuffer[]) => void;
  /** Drops memory that was spare when the request began, and still is. */
  readonly end: (older: ReadonlySet<SharedArrayBuffer>) => void;
  readonly spare: ReadonlySet<SharedArrayBuffer>;
}

/** What one request uses. */
export class FeatureLease {
  /** In the order in which they were asked for. */
  readonly #keyed = new Map<string, CachedLevels>();
  readonly #fresh = new Set<CachedLevels>();
  readonly #unkeyed: CachedLevels[] = [];
  #hits = 0;
  #misses = 0;

  constructor(private readonly cache: Lender) {}

  /** Lookups of the request. */
  get lookups(): { readonly hits: number; readonly misses: number } {
    return { hits: this.#hits, misses: this.#misses };
  }

  /**
   * The rasters under a key, or memory for them, whose values are left over.
   * @param key tells the content of the frame, the network and the rasters; nothing is kept without one.
   * @param counts whether it is one of the lookups that are reported.
   * @returns whether they are there.
   */
  get<Name extends string>(
    key: string | undefined,
    layout: LevelsLayout<Name>,
    counts = true,
  ): { readonly cached: CachedLevels<Name>; readonly known: boolean } {
    const mine = key === undefined ? undefined : this.#keyed.get(key);
    if (mine !== undefined) return { cached: mine as CachedLevels<Name>, known: true };
    const found = key === undefined ? undefined : this.cache.take(key, counts);
    if (key !== undefined && counts) found === undefined ? this.#misses++ : this.#hits++;
    const cached = found ?? allocate(this.cache.allocate(levelsBytes(layout)), layout);
    if (found === undefined) this.#fresh.add(cached);
    if (key === undefined) this.#unkeyed.push(cached);
    else this.#keyed.set(key, cached);
    return { cached: cached as CachedLevels<Name>, known: found !== undefined };
  }

  /** Gives back early what the request does not need any more; it has all been written. */
  release(key: string | undefined, cached: CachedLevels): void {
    this.#fresh.delete(cached);
    if (key !== undefined) {
      this.#keyed.delete(key);
      this.cache.giveBack(new Map([[key, cached]]), []);
    } else {
      this.#unkeyed.splice(this.#unkeyed.indexOf(cached), 1);
      this.cache.giveBack(new Map(), [cached.buffer]);
    }
  }

  /**
   * Ends the request.
   * @param whole whether what was not known has all been written; if not, it is not kept.
   */
  end(whole: boolean): void {
    const kept = new Map([...this.#keyed].filter(([, cached]) => whole || !this.#fresh.has(cached)));
    const lost = [...this.#keyed].filter(([key]) => !kept.has(key)).map(([, cached]) => cached);
    this.cache.giveBack(
      kept,
      [...this.#unkeyed, ...lost].map(({ buffer }) => buffer),
    );
    this.cache.end(this.cache.spare);
  }
}

function allocate<Name extends string>(
  buffer: SharedArrayBuffer,
  { width, height, levels, rasters }: LevelsLayout<Name>,
): CachedLevels<Name> {
  const size = { width: paddedSize(width, levels), height: paddedSize(height, levels) };
  let offset = 0;
  const level = (l: number): Readonly<Record<Name, Raster>> => {
    const entries = rasters.map(({ name, channels, scale }): [Name, Raster] => {
      const [columns, rows] = [size.width / 2 ** l / scale, size.height / 2 ** l / scale];
      const data = new Float32Array(buffer, offset, columns * rows * channels);
      offset += data.byteLength;
      return [name, { width: columns, height: rows, channels, data }];
    });
    return Object.fromEntries(entries) as Record<Name, Raster>;
  };
  return { buffer, levels: Array.from({ length: levels }, (_, l) => level(l)) };
}
