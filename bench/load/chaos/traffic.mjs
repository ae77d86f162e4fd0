/** Clients of all kinds at once, and what became of their requests. */
import { setTimeout as sleep } from 'node:timers/promises';
import * as clients from './clients.mjs';
import { brokenFrame, digestOf } from './frames.mjs';
import { FARM } from './tokens.mjs';

const MOST_JOBS = 120;
const broken = brokenFrame();

export class Traffic {
  /** Accepted jobs: id and files. */
  jobs = [];
  /** How many requests of each kind ended how. */
  outcomes = new Map();
  /** Frames that clients have got back. */
  done = 0;
  #service;
  #disk;
  #tokens;
  #frames;
  #expected;
  #isLoaded = true;
  #running = [];
  #seed = 1;

  /** @param expected digests of results by those of frames. */
  constructor({ service, disk, tokens, frames, expected }) {
    this.#service = service;
    this.#disk = disk;
    this.#tokens = tokens;
    this.#frames = frames;
    this.#expected = expected;
  }

  start(count) {
    this.#running = Array.from({ length: count }, async () => {
      while (this.#isLoaded) await this.#actOnce();
    });
  }

  async stop() {
    this.#isLoaded = false;
    await Promise.all(this.#running);
  }

  async #actOnce() {
    const { http, grpc, starts } = this.#service;
    if (http === undefined) return sleep(50);
    const frame = this.#anyFrame();
    const token = this.#random() < 0.7 ? FARM : this.#tokens.current;
    const to = { http, grpc, token, frame, expected: this.#expected.get(digestOf(frame)) };
    const [kind, act] = this.#choose(to);
    const wasFull = this.#disk.isFull;
    let outcome;
    try {
      outcome = await act();
    } catch (error) {
      outcome = `gone: ${error.code ?? error.cause?.code ?? error.message}`;
    }
    if (outcome.startsWith('gone') && (this.#service.http !== http || this.#service.starts !== starts))
      outcome = 'ended with the process';
    if (outcome === 'done' && ['http', 'grpc'].includes(kind)) this.done++;
    const key = `${kind}${wasFull || this.#disk.isFull ? ' (disk full)' : ''}: ${outcome}`;
    this.outcomes.set(key, (this.outcomes.get(key) ?? 0) + 1);
    await sleep(20 * this.#random());
  }

  #choose(to) {
    const random = () => this.#random();
    const dice = random();
    if (dice < 0.4) return ['http', () => clients.denoise(to)];
    if (dice < 0.55) return ['grpc', () => clients.denoiseByGrpc(to)];
    if (dice < 0.7) return ['job', () => this.#submit(to)];
    if (dice < 0.77) return ['events', () => this.#follow(to)];
    if (dice < 0.82) return ['silent reader', () => clients.readNothing(to)];
    if (dice < 0.87) return ['broken upload', () => clients.breakOff(to, 50)];
    if (dice < 0.9) return ['stalled upload', () => clients.breakOff(to, 3000)];
    if (dice < 0.97) return ['garbage', () => clients.sendGarbage(to, random)];
    return ['noise', () => clients.sendNoise(random() < 0.5 ? to.http : to.grpc)];
  }

  async #submit(to) {
    if (this.jobs.length >= MOST_JOBS) return clients.denoise(to);
    const files = [to.frame, this.#anyFrame()];
    if (this.#random() < 0.25) files.push(broken);
    // TokenRegistry see only their own jobs.
    const { outcome, id } = await clients.submit({ ...to, token: FARM, files });
    if (id !== undefined) this.jobs.push({ id, files });
    return outcome;
  }

  async #follow(to) {
    const job = this.jobs[Math.floor(this.#random() * this.jobs.length)];
    return job === undefined ? clients.denoise(to) : clients.followEvents({ ...to, token: FARM, id: job.id });
  }

  #anyFrame() {
    return this.#frames[Math.floor(this.#random() * this.#frames.length)];
  }

  #random() {
    this.#seed = (Math.imul(this.#seed, 1664525) + 1013904223) >>> 0;
    return this.#seed / 2 ** 32;
  }
}
