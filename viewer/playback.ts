import type { FrameDisplay } from './frame-display.js';
import { button, byId, input } from './page.js';
import type { State } from './state.js';

/** Frames over which the rate of playback is measured. */
const RATE_FRAMES = 8;

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
    byId('rate').textContent = '';
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

  /** Plays, or stops. Where frames cannot be shown at the chosen rate, the measured one stands beside it. */
  async toggle(): Promise<void> {
    this.#isPlaying = !this.#isPlaying;
    const play = ++this.#plays;
    button('play').setAttribute('aria-pressed', String(this.#isPlaying));
    const times = [performance.now()];
    let due = performance.now();
    while (this.#isPlaying && play === this.#plays && this.state.shot.frames.length > 1) {
      const wanted = Math.max(1, Number(input('fps').value));
      // A late frame does not make those after it early.
      due = Math.max(due + 1000 / wanted, performance.now());
      const { frame, shot } = this.state;
      this.#turnTo((frame + 1) % shot.frames.length);
      await this.display.show();
      // A frame counts once the screen has shown it.
      await new Promise(requestAnimationFrame);
      await new Promise((resolve) => setTimeout(resolve, due - performance.now()));
      times.push(performance.now());
      const [first = 0] = times.splice(0, times.length - RATE_FRAMES);
      const rate = (1000 * times.length) / (performance.now() - first);
      byId('rate').textContent = times.length < RATE_FRAMES ? '' : rateText(rate, wanted);
    }
    if (play === this.#plays) byId('rate').textContent = '';
  }

  /** The slider follows at once: a picture takes its time, and the next key counts from the requested frame. */
  #turnTo(frame: number): void {
    this.state.frame = frame;
    input('frame').value = String(frame);
  }
}

/** Whether frames are shown at the chosen rate, with the measured one. */
export function rateText(rate: number, wanted: number): string {
  return rate >= 0.95 * wanted ? 'in time' : `only ${rate.toFixed(1)} fps`;
}
