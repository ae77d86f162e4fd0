import { isInOpenjdSession } from '../../config.js';
import { duration, ProgressLine } from '../progress-line.js';

/** How the progress of a shot is shown: `auto` is `openjd` inside a session of Open Job Description. */
export const PROGRESS_CHOICES = ['auto', 'bar', 'openjd'] as const;
export type ProgressChoice = (typeof PROGRESS_CHOICES)[number];

/** Progress of the frames of a shot. */
export interface ShotProgress {
  /** Whether it redraws a line of the terminal, which other output has to clear first. */
  readonly isLine: boolean;
  /**
   * @param done frames, of `total`.
   * @param secondsLeft until the end, where they are known.
   */
  show(done: number, total: number, secondsLeft?: number): void;
  /** Says why the whole command fails. */
  fail(message: string): void;
  end(): void;
}

export function shotProgress(choice: ProgressChoice, label: string): ShotProgress {
  const isOpenjd = choice === 'openjd' || (choice === 'auto' && isInOpenjdSession());
  return isOpenjd ? new OpenjdProgress() : new BarProgress(label);
}

class BarProgress implements ShotProgress {
  readonly #line: ProgressLine;
  readonly isLine: boolean;

  constructor(label: string) {
    this.#line = new ProgressLine(label);
    this.isLine = this.#line.isActive;
  }

  show(done: number, total: number, secondsLeft?: number): void {
    this.#line.show(done / total, secondsLeft);
  }

  fail(): void {
    // The error is printed where the command ends.
  }

  end(): void {
    this.#line.end();
  }
}

/** Lines on standard output that sessions of Open Job Description read ("How Jobs Are Run", Messaging). */
class OpenjdProgress implements ShotProgress {
  readonly isLine = false;

  show(done: number, total: number, secondsLeft?: number): void {
    const left = secondsLeft === undefined || done === total ? '' : `, ${duration(secondsLeft)} left`;
    write('status', `${done} of ${total} frames denoised${left}`);
    write('progress', ((100 * done) / total).toFixed(1));
  }

  fail(message: string): void {
    write('fail', message);
  }

  end(): void {
    // Lines need no clearing.
  }
}

/** Messages are one line each: text from files may not begin another one. */
function write(kind: 'progress' | 'status' | 'fail', message: string): void {
  process.stdout.write(`openjd_${kind}: ${message.replaceAll(/\p{Cc}+/gu, ' ')}\n`);
}
