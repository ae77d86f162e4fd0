/** The token file of the service under test: one token that stays, and guests whose tokens are rotated. */
import { createHash } from 'node:crypto';
import { renameSync, writeFileSync } from 'node:fs';

export const FARM = 'farm-secret';
/** The service looks at the file every five seconds. */
export const ROTATE_MS = 8000;

export class Tokens {
  file;
  /** The token before, the one that clients use, the next one. */
  #guests = [0, 1, 2].map(guest);
  #next = 3;
  #timer;

  constructor(file) {
    this.file = file;
    this.#write();
  }

  /** The next one that is taken out of the file. */
  get stale() {
    return this.#guests[0];
  }

  get current() {
    return this.#guests[1];
  }

  get next() {
    return this.#guests[2];
  }

  start() {
    this.#timer = setInterval(() => this.rotate(), ROTATE_MS);
  }

  stop() {
    clearInterval(this.#timer);
  }

  rotate() {
    this.#guests.shift();
    this.#guests.push(guest(this.#next++));
    this.#write();
  }

  #write() {
    const sha256 = (token) => createHash('sha256').update(token).digest('hex');
    const guests = this.#guests.map((token) => ({
      name: token.replace('-secret', ''),
      sha256: sha256(token),
      concurrent: 4,
    }));
    const tokens = [{ name: 'farm', sha256: sha256(FARM) }, ...guests];
    writeFileSync(`${this.file}.new`, JSON.stringify({ tokens }));
    renameSync(`${this.file}.new`, this.file);
  }
}

function guest(number) {
  return `guest-secret-${number}`;
}
