import { LRUCache } from 'lru-cache';
import { withFrameName } from '../../errors.js';
import type { ExrPool } from '../../exr/pool.js';
import type { ExrSource } from '../../exr/source.js';
import { readShotFrame, type ShotFiles } from './shot-files.js';

/** The files of a shot with their headers. Each is read once, as long as the windows that need it are near. */
export class ShotSources {
  readonly #shot: ShotFiles;
  readonly #pool: ExrPool;
  readonly #read: LRUCache<number, Promise<ExrSource>>;

  /** @param most files that are kept. */
  constructor(shot: ShotFiles, pool: ExrPool, most: number) {
    this.#shot = shot;
    this.#pool = pool;
    this.#read = new LRUCache({ max: most });
  }

  /**
   * The file of a frame, with the layers of its other files.
   * @throws QuietframeError as `readShotFrame` and `ExrPool.open`.
   */
  read(frame: number): Promise<ExrSource> {
    const read = this.#read.get(frame) ?? this.#open(frame);
    this.#read.set(frame, read);
    // What cannot be read now may be there for the next window.
    read.catch(() => this.#read.delete(frame));
    return read;
  }

  async #open(frame: number): Promise<ExrSource> {
    const name = this.#shot.input.path(frame);
    const exr = await readShotFrame(this.#shot, frame, this.#pool);
    return withFrameName(name, () => this.#pool.open(exr, { name }));
  }
}
