import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { QuietframeError } from '../errors.js';

const COMMAND_LINE = fileURLToPath(new URL('../cli/main.js', import.meta.url));
const POLL_MS = 100;

/** The service in a process of its own, on a free port. */
export class ServiceProcess {
  readonly #child: ChildProcess;
  /** What the service has logged. */
  #log = '';
  #url = '';

  private constructor(child: ChildProcess) {
    this.#child = child;
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#log += text;
    });
  }

  /** Without a slash at the end. */
  get url(): string {
    return this.#url;
  }

  /**
   * Resolves once the service is ready for requests.
   * @throws QuietframeError `internal` when it ends before that.
   */
  static async start(): Promise<ServiceProcess> {
    const child = spawn(process.execPath, [COMMAND_LINE, 'serve', '--host', '127.0.0.1', '--port', '0'], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const service = new ServiceProcess(child);
    for await (const line of createInterface({ input: child.stdout })) {
      const url = /http:\/\/\S+/.exec(line)?.[0];
      if (url === undefined) continue;
      service.#url = url;
      await service.#ready();
      return service;
    }
    throw service.#failure('The service ended before it listened');
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null) return;
    this.#child.kill('SIGTERM');
    await once(this.#child, 'exit');
  }

  async #ready(): Promise<void> {
    while (this.#child.exitCode === null) {
      const response = await fetch(`${this.url}/healthz/ready`).catch(() => undefined);
      if (response?.ok) return;
      await sleep(POLL_MS);
    }
    throw this.#failure('The service ended before it was ready');
  }

  #failure(message: string): QuietframeError {
    return new QuietframeError('internal', `${message}\n${this.#log}`.trim());
  }
}
