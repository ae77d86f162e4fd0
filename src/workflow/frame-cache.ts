import { LRUCache } from 'lru-cache';
import type { CacheReport } from '../denoise/denoiser.js';
import type { BuiltFrame } from '../frame/build-frame.js';
import type { Raster } from '../image/raster.js';

/** Rasters of these add up to the size of an entry. */
type Kept = { readonly built: BuiltFrame } | { readonly motion: Raster };

/**
 * Frames as they were built, and motion that was estimated between them, by content: a window that slides on decodes one
 * new frame. Bounded in bytes; what was used longest ago goes first. The rasters are shared: nobody may change them.
 */
export class FrameCache {
  readonly #kept: LRUCache<string, Kept> | undefined;

  /** @param maxBytes 0 keeps nothing. */
  constructor(maxBytes: number) {
    if (maxBytes > 0) this.#kept = new LRUCache({ maxSize: maxBytes, sizeCalculation: sizeOf });
  }

  /** Bytes that are kept. */
  get bytes(): number {
    return this.#kept?.calculatedSize ?? 0;
  }

  /** Begins a request. */
  begin(): CachedFrames {
    return new CachedFrames(this, this.#kept);
  }
}

/** The cache as one request sees it: what the request makes is kept once it has succeeded, and not before. */
export class CachedFrames {
  readonly #cache: FrameCache | undefined;
  readonly #kept: LRUCache<string, Kept> | undefined;
  readonly #made = new Map<string, Kept>();
  #hits = 0;
  #misses = 0;

  constructor(cache?: FrameCache, kept?: LRUCache<string, Kept>) {
    this.#cache = cache;
    this.#kept = kept;
  }

  /** A frame that is kept, or a new one. */
  async frame(key: string, make: () => Promise<BuiltFrame>): Promise<BuiltFrame> {
    const kept = this.#find(key);
    if (kept !== undefined && 'built' in kept) {
      this.#hits++;
      return kept.built;
    }
    this.#misses++;
    const built = await make();
    this.#made.set(key, { built });
    return built;
  }

  /** Motion that is kept, or a new one. */
  async motion(key: string, make: () => Promise<Raster>): Promise<Raster> {
    const kept = this.#find(key);
    if (kept !== undefined && 'motion' in kept) return kept.motion;
    const motion = await make();
    this.#made.set(key, { motion });
    return motion;
  }

  /** Keeps what was made: the request has succeeded. Counts lookups of frames. */
  succeed(): CacheReport {
    for (const [key, kept] of this.#made) this.#kept?.set(key, kept);
    this.#made.clear();
    return { hits: this.#hits, misses: this.#misses, bytes: this.#cache?.bytes ?? 0 };
  }

  #find(key: string): Kept | undefined {
    return this.#made.get(key) ?? this.#kept?.get(key);
  }
}

function sizeOf(kept: Kept): number {
  const rasters = 'motion' in kept ? [kept.motion] : rastersOf(kept.built);
  return rasters.reduce((sum, { data }) => sum + data.byteLength, 1);
}

function rastersOf({ frame, lights }: BuiltFrame): Raster[] {
  const layers = Object.values(frame).filter((value): value is Raster => typeof value === 'object');
  return [...layers, ...lights.values()];
}
