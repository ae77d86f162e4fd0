import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, it } from 'vitest';

const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));
let child: ChildProcessByStdio<Writable, Readable, null> | undefined;
afterEach(() => child?.kill('SIGKILL'));

async function serve(): Promise<ChildProcessByStdio<Writable, Readable, null>> {
  const args = [MAIN, 'serve', '--port', '0', '--threads', '1', '--log', 'silent', '--stop-with-input'];
  child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  await once(createInterface(child.stdout), 'line');
  return child;
}

it('stops when the process that started it is gone', async () => {
  const service = await serve();
  service.stdin.end();
  expect(await once(service, 'exit')).toEqual([0, null]);
});

it('stops for a signal while its input is open', async () => {
  const service = await serve();
  service.kill('SIGTERM');
  expect(await once(service, 'exit')).toEqual([0, null]);
});
