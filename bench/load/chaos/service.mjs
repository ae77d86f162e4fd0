/** The service under the chaos test: a process on small limits that is stopped, killed and started again. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { ask } from './clients.mjs';

const MAIN = fileURLToPath(new URL('../../../dist/cli/main.js', import.meta.url));
const HOOKS = new URL('hooks.mjs', import.meta.url).href;
const START_MS = 90_000;

export class Service {
  /** Undefined while the process is not up. */
  http;
  grpc;
  starts = 0;
  /** Milliseconds for which the thread that answers was held up, by process: p99, p999 and most. */
  delays = [];
  /** How often which error was logged. */
  errors = new Map();
  #flags;
  #child;
  #onAddress;

  /** @param onAddress is told the origin of each start, and null before each end. */
  constructor(flags, onAddress) {
    this.#flags = flags;
    this.#onAddress = onAddress;
    process.once('exit', () => this.#child?.kill('SIGKILL'));
  }

  async start() {
    const args = ['--import', HOOKS, MAIN, 'serve', '--port', '0', '--grpc-port', '0', ...this.#flags];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe', 'ipc'] });
    this.#child = child;
    const log = [];
    createInterface(child.stderr).on('line', (line) => {
      log.push(line);
      if (log.length > 20) log.shift();
      const text = errorIn(line);
      this.errors.set(text, (this.errors.get(text) ?? 0) + 1);
    });
    const died = once(child, 'exit').then(() => Promise.reject(new Error(`It ended:\n${log.join('\n')}`)));
    died.catch(() => {});
    const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
    const next = async () =>
      (await Promise.race([lines.next(), died])).value.replace('quietframe listening on ', '');
    const http = await next();
    const grpc = (await next()).replace('grpc://', 'http://');
    for (
      const until = performance.now() + START_MS;
      (await ask('GET', `${http}/healthz/ready`, {})).status !== 200;
    ) {
      if (performance.now() > until) throw new Error('The service was not ready in time');
      await Promise.race([sleep(100), died]);
    }
    this.starts++;
    [this.http, this.grpc] = [http, grpc];
    child.once('exit', () => {
      if (this.http === http) throw new Error(`The service ended by itself:\n${log.join('\n')}`);
    });
    await this.#delay();
    this.#onAddress(http);
  }

  /** @returns exit code, or undefined after a signal that cannot be caught. */
  async end(signal) {
    this.delays.push(await this.#delay());
    this.#onAddress(null);
    [this.http, this.grpc] = [undefined, undefined];
    const exit = once(this.#child, 'exit');
    this.#child.kill(signal);
    const [code] = await exit;
    return code ?? undefined;
  }

  /** Ends threads as hooks.mjs says. @returns false while the process is not up. */
  endThreads(message) {
    if (this.http === undefined) return false;
    return this.#child.send(message);
  }

  async #delay() {
    this.#child.send({ delay: true });
    const [delay] = await once(this.#child, 'message');
    return delay;
  }

  get resources() {
    const { pid } = this.#child;
    const [, kib] = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
    const kinds = {};
    for (const descriptor of readdirSync(`/proc/${pid}/fd`)) {
      const kind = kindOf(`/proc/${pid}/fd/${descriptor}`);
      if (kind !== undefined) kinds[kind] = (kinds[kind] ?? 0) + 1;
    }
    return {
      residentMiB: Math.round(Number(kib) / 1024),
      descriptors: Object.values(kinds).reduce((sum, count) => sum + count, 0),
      kinds,
      threads: readdirSync(`/proc/${pid}/task`).length,
    };
  }
}

/** Message and reason of a line of the log, without what differs each time. */
function errorIn(line) {
  try {
    const { msg, err } = JSON.parse(line);
    const reason = err === undefined ? '' : ` (${err.message}; ${err.stack?.split('\n')[1]?.trim() ?? ''})`;
    return `${msg}${reason}`.replace(/[0-9a-f]{8}[-0-9a-f]{20,}/g, 'ID').replace(/-\d+\.ID/g, '-PID.ID');
  } catch {
    return line;
  }
}

/** `socket`, `pipe`, `anon_inode` with its type, or `file`; undefined where it was closed meanwhile. */
function kindOf(path) {
  try {
    const target = readlinkSync(path);
    return target.startsWith('/') ? 'file' : target.replace(/:\[\d+\]$/, '');
  } catch {
    return undefined;
  }
}
