import type { FrameDisplay } from './frame-display.js';
import { button, byId, input } from './page.js';
import type { State } from './state.js';

/** Goes through the frames of a shot. */
export class Playback {
  #isPlaying = false;
  /** How often play was pressed: a loop that was stopped and started again must not run twice. */
  #plays = 0;

  constructor(
    readonly state: State,
    readonly display: FrameDisplay,
  ) {}

  /** Stops, and shows a new shot's frame next. */
  reset(frame: number): void {
    this.#isPlaying = false;
    button('play').setAttribute('aria-pressed', 'false');
    const count = this.state.shot.frames.length;
    input('frame').max = String(count - 1);
    this.#turnTo(frame);
    byId('sequence').hidden = count < 2;
  }

  /** Shows a frame; indices beyond the ends wrap around. */
  choose(frame: number): void {
    const count = this.state.shot.frames.length;
    if (count === 0) return;
    this.#turnTo((frame + count) % count);
    void this.display.show();
  }

  async toggle(): Promise<void> {
    this.#isPlaying = !this.#isPlaying;
    const play = ++this.#plays;
    button('play').setAttribute('aria-pressed', String(this.#isPlaying));
    while (this.#isPlaying && play === this.#plays && this.state.shot.frames.length > 1) {
      const due = performance.now() + 1000 / Math.max(1, Number(input('fps').value));
      this.#turnTo((this.state.frame + 1) % this.state.shot.frames.length);
      await this.display.show();
      await new Promise((resolve) => setTimeout(resolve, Math.max(0, due - performance.now())));
    }
  }

  /** The slider follows at once: a picture takes its time, and the next key counts from the requested frame. */
  #turnTo(frame: number): void {
    this.state.frame = frame;
    input('frame').value = String(frame);
  }
}
