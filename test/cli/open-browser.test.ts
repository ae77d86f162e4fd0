import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { browserUrl } from '../../src/cli/open-browser.js';

const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));
let folder: string;
let child: ChildProcess | undefined;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'quietframe-open-'));
});
afterEach(async () => {
  child?.kill('SIGKILL');
  await rm(folder, { recursive: true });
});

/** Starts the service with `--open` and a program in the place of the system's opener. */
async function serveWith(opener: string): Promise<{ readonly url: string; readonly errors: string[] }> {
  for (const name of ['xdg-open', 'open']) {
    await writeFile(join(folder, name), `#!/bin/sh\n${opener}\n`, { mode: 0o755 });
  }
  const env = { ...process.env, PATH: `${folder}${delimiter}${process.env.PATH}` };
  const args = [MAIN, 'serve', '--port', '0', '--host', '0.0.0.0', '--threads', '1', '--open'];
  child = spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
  const errors: string[] = [];
  if (child.stdout === null || child.stderr === null) throw new Error('Expected pipes');
  createInterface(child.stderr).on('line', (line) => errors.push(line));
  const [line] = (await once(createInterface(child.stdout), 'line')) as [string];
  return { url: line.replace('quietframe listening on ', ''), errors };
}

it('opens the viewer at an address that a browser reaches', async () => {
  const { url } = await serveWith(`echo "$@" >"${folder}/opened"`);
  const opened = await vi.waitFor(async () => {
    const text = await readFile(join(folder, 'opened'), 'utf8');
    expect(text).not.toBe('');
    return text.trim();
  }, 30_000);
  expect(opened).toBe(`http://localhost:${new URL(url).port}/`);
  const page = await fetch(opened, { headers: { accept: 'text/html' } });
  expect(page.headers.get('content-type')).toContain('text/html');
});

it('names the address where there is no browser, and goes on', async () => {
  const { url, errors } = await serveWith('exit 3');
  await vi.waitFor(() => {
    expect(errors.join('\n')).toMatch(/cannot open a browser\. Open http:\/\/localhost:\d+\/ in one/);
  }, 30_000);
  expect((await fetch(`${url}/healthz/live`)).status).toBe(200);
});

it.each([
  ['http://127.0.0.1:80', 'http://127.0.0.1/'],
  ['https://[::]:8080', 'https://localhost:8080/'],
  ['http://[::1]:8080', 'http://[::1]:8080/'],
])('turns %s into %s', (listening, opened) => {
  expect(browserUrl(listening)).toBe(opened);
});
