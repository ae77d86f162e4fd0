/** The service under the chaos test: a process on small limits that is stopped, killed and started again. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(new URL('../../../dist/cli/main.js', import.meta.url));
const START_MS = 90_000;

export class Service {
  /** Undefined while the process is not up. */
  http;
  grpc;
  starts = 0;
  #flags;
  #child;
  #onStart;

  constructor(flags, onStart) {
    this.#flags = flags;
    this.#onStart = onStart;
    process.once('exit', () => this.#child?.kill('SIGKILL'));
  }

  async start() {
    const args = [MAIN, 'serve', '--port', '0', '--grpc-port', '0', ...this.#flags];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    this.#child = child;
    const log = [];
    createInterface(child.stderr).on('line', (line) => log.push(line) > 20 && log.shift());
    const died = once(child, 'exit').then(() => Promise.reject(new Error(`It ended:\n${log.join('\n')}`)));
    died.catch(() => {});
    const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
    const next = async () =>
      (await Promise.race([lines.next(), died])).value.replace('quietframe listening on ', '');
    const http = await next();
    const grpc = (await next()).replace('grpc://', 'http://');
    for (
      const until = performance.now() + START_MS;
      (await fetch(`${http}/healthz/ready`)).status !== 200;
    ) {
      if (performance.now() > until) throw new Error('The service was not ready in time');
      await Promise.race([sleep(100), died]);
    }
    this.starts++;
    [this.http, this.grpc] = [http, grpc];
    this.#onStart(http);
  }

  /** @returns exit code, or undefined after a signal that cannot be caught. */
  async end(signal) {
    [this.http, this.grpc] = [undefined, undefined];
    const exit = once(this.#child, 'exit');
    this.#child.kill(signal);
    const [code] = await exit;
    return code ?? undefined;
  }

  get resources() {
    const { pid } = this.#child;
    const [, kib] = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
    return {
      residentMiB: Math.round(Number(kib) / 1024),
      descriptors: readdirSync(`/proc/${pid}/fd`).length,
    };
  }
}
