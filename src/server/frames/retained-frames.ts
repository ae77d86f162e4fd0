import { expected, QuietframeError } from '../../errors.js';

/** Frames that jobs need, and that must not be lost: how many need each, and their bytes. */
export class RetainedFrames {
  readonly #frames = new Map<string, { users: number; readonly bytes: number }>();

  has(name: string): boolean {
    return this.#frames.has(name);
  }

  /**
   * @param frames bytes by name.
   * @param most bytes that may be retained.
   * @throws QuietframeError `too-large` when these alone are more; `overloaded` when all together are.
   */
  pin(frames: ReadonlyMap<string, number>, most: number): void {
    let own = 0;
    let added = 0;
    for (const [name, bytes] of frames) {
      own += bytes;
      if (!this.#frames.has(name)) added += bytes;
    }
    if (own > most) {
      const message = expected(`at most ${most}`, 'the bytes of frames of a job', own);
      throw new QuietframeError('too-large', message);
    }
    const held = [...this.#frames.values()].reduce((sum, { bytes }) => sum + bytes, 0);
    if (held + added > most) {
      const message = expected(`at most ${most}`, 'the bytes of frames of all jobs', 'more');
      throw new QuietframeError('overloaded', message, { retryAfter: 30 });
    }
    for (const [name, bytes] of frames) {
      const frame = this.#frames.get(name) ?? { users: 0, bytes };
      frame.users++;
      this.#frames.set(name, frame);
    }
  }

  release(names: ReadonlySet<string>): void {
    for (const name of names) {
      const frame = this.#frames.get(name);
      if (frame !== undefined && --frame.users === 0) this.#frames.delete(name);
    }
  }
}
