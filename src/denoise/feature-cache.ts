import type { Architecture } from '../engine/model-manifest.js';
import { paddedSize } from '../image/pyramid.js';
import { featureRasters, type LevelFeatures } from '../kpcn/frame-features.js';

/** Features of all levels of a frame, in one block of shared memory. */
export interface CachedFeatures {
  readonly buffer: SharedArrayBuffer;
  /** The finest first. */
  readonly levels: readonly LevelFeatures[];
}

/** Size of a frame and of what is kept about it. */
export interface FeatureLayout {
  readonly width: number;
  readonly height: number;
  readonly architecture: Architecture;
}

/** Lookups since the cache is there, and what it keeps. */
export interface CacheStatistics {
  readonly hits: number;
  readonly misses: number;
  readonly bytes: number;
}

/** Bytes of the features of a frame. */
export function featureBytes({ width, height, architecture }: FeatureLayout): number {
  const { levels } = architecture;
  const pixels = paddedSize(width, levels) * paddedSize(height, levels);
  const values = featureRasters(architecture).reduce(
    (sum, { channels, scale }) => sum + channels / scale ** 2,
    0,
  );
  let bytes = 0;
  for (let l = 0; l < levels; l++) bytes += (pixels / 4 ** l) * values * Float32Array.BYTES_PER_ELEMENT;
  return bytes;
}

/**
 * Features of frames by key, those that were used last, within a number of bytes. What a request uses is taken out and given
 * back by its {@link FeatureLease}, so that it comes on top of the limit. For one request at a time.
 */
export class FeatureCache {
  /** The one that was not used for longest first. */
  readonly #kept = new Map<string, CachedFeatures>();
  /** Memory that the last request has given back and nobody keeps: shared memory that is dropped is freed late. */
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
      take: (key) => this.#take(key),
      allocate: (bytes) => this.#allocate(bytes),
      giveBack: (taken, spare) => this.#giveBack(taken, spare),
    });
  }

  #take(key: string): CachedFeatures | undefined {
    const found = this.#kept.get(key);
    if (found === undefined) {
      this.#misses++;
      return undefined;
    }
    this.#hits++;
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

  #giveBack(taken: ReadonlyMap<string, CachedFeatures>, spare: readonly SharedArrayBuffer[]): void {
    this.#spare = [...spare];
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

/** Features that one request uses. */
export class FeatureLease {
  /** In the order in which they were asked for. */
  readonly #keyed = new Map<string, CachedFeatures>();
  readonly #fresh = new Set<CachedFeatures>();
  readonly #unkeyed: CachedFeatures[] = [];
  #hits = 0;
  #misses = 0;

  constructor(
    private readonly cache: {
      readonly take: (key: string) => CachedFeatures | undefined;
      readonly allocate: (bytes: number) => SharedArrayBuffer;
      readonly giveBack: (
        taken: ReadonlyMap<string, CachedFeatures>,
        spare: readonly SharedArrayBuffer[],
      ) => void;
    },
  ) {}

  /** Lookups of the request. */
  get lookups(): { readonly hits: number; readonly misses: number } {
    return { hits: this.#hits, misses: this.#misses };
  }

  /**
   * The features under a key, or memory for them, whose values are left over.
   * @param key tells the content of the frame and the network; nothing is kept without one.
   * @returns whether they are there.
   */
  get(
    key: string | undefined,
    layout: FeatureLayout,
  ): { readonly features: CachedFeatures; readonly known: boolean } {
    const mine = key === undefined ? undefined : this.#keyed.get(key);
    if (mine !== undefined) return { features: mine, known: true };
    const found = key === undefined ? undefined : this.cache.take(key);
    if (key !== undefined) found === undefined ? this.#misses++ : this.#hits++;
    const features = found ?? allocate(this.cache.allocate(featureBytes(layout)), layout);
    if (found === undefined) this.#fresh.add(features);
    if (key === undefined) this.#unkeyed.push(features);
    else this.#keyed.set(key, features);
    return { features, known: found !== undefined };
  }

  /**
   * Ends the request.
   * @param whole whether the features that were not known have all been written; if not, they are not kept.
   */
  end(whole: boolean): void {
    const kept = new Map([...this.#keyed].filter(([, features]) => whole || !this.#fresh.has(features)));
    const lost = [...this.#keyed].filter(([key]) => !kept.has(key)).map(([, features]) => features);
    this.cache.giveBack(
      kept,
      [...this.#unkeyed, ...lost].map(({ buffer }) => buffer),
    );
  }
}

function allocate(buffer: SharedArrayBuffer, { width, height, architecture }: FeatureLayout): CachedFeatures {
  const { levels } = architecture;
  const size = { width: paddedSize(width, levels), height: paddedSize(height, levels) };
  let offset = 0;
  const raster = (l: number, channels: number, scale: number): LevelFeatures['spatial'] => {
    const [columns, rows] = [size.width / 2 ** l / scale, size.height / 2 ** l / scale];
    const data = new Float32Array(buffer, offset, columns * rows * channels);
    offset += data.byteLength;
    return { width: columns, height: rows, channels, data };
  };
  return {
    buffer,
    levels: Array.from({ length: levels }, (_, l) => {
      const [spatial, kernelDetail, embedding] = featureRasters(architecture).map(({ channels, scale }) =>
        raster(l, channels, scale),
      ) as [LevelFeatures['spatial'], LevelFeatures['kernelDetail'], LevelFeatures['embedding']];
      return { spatial, kernelDetail, embedding };
    }),
  };
}
