import { LRUCache } from 'lru-cache';
import type { CacheReport } from '../../denoise/types.js';
import type { BuiltFrame } from '../../frame/build-frame.js';
import type { InputWarning } from '../../frame/frame.js';
import type { Raster } from '../../image/raster.js';

/** Rasters of these add up to the size of an entry. */
type Kept =
  | { readonly built: BuiltFrame }
  | { readonly motions: readonly Raster[] }
  | { readonly warnings: readonly InputWarning[] };

/**
 * Frames as they were built, motion between them and what was found about it, by content: a window that slides on decodes
 * one new frame, and one that is asked for again with another lambda is not followed again. Bounded in bytes; what was used longest ago goes first. The rasters are shared: nobody may change them.
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

  /** Motion that is kept, to one frame or to several on the way, or a new one. */
  async motions(key: string, make: () => Promise<readonly Raster[]>): Promise<readonly Raster[]> {
    const kept = this.#find(key);
    if (kept !== undefined && 'motions' in kept) return kept.motions;
    const motions = await make();
    this.#made.set(key, { motions });
    return motions;
  }

  /** What was found about frames before, or is now. */
  async warnings(
    key: string,
    find: () => Promise<readonly InputWarning[]>,
  ): Promise<readonly InputWarning[]> {
    const kept = this.#find(key);
    if (kept !== undefined && 'warnings' in kept) return kept.warnings;
    const warnings = await find();
    this.#made.set(key, { warnings });
    return warnings;
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
  return rastersOf(kept).reduce((sum, { data }) => sum + data.byteLength, 1);
}

function rastersOf(kept: Kept): readonly Raster[] {
  if ('motions' in kept) return kept.motions;
  if ('warnings' in kept) return [];
  const { frame, lights } = kept.built;
  const layers = Object.values(frame).filter((value): value is Raster => typeof value === 'object');
  return [...layers, ...lights.values()];
}
