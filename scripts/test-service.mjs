import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';

// Starts an installed service with the given command, opens its viewer, has a frame denoised and stops it.
// Usage: node test-service.mjs PROGRAM [ARGUMENT ...]
const [program, ...args] = process.argv.slice(2);
const child = spawn(program, [...args, 'serve', '--port', '0', '--log', 'error'], {
  stdio: ['ignore', 'pipe', 'inherit'],
});
const ended = once(child, 'exit');
try {
  const first = once(createInterface(child.stdout), 'line');
  const [line] = await Promise.race([first, ended]);
  const origin = /http:\/\/\S+/.exec(String(line))?.[0];
  if (origin === undefined) throw new Error(`Expected the address of the service but received ${line}`);
  while (!(await fetch(`${origin}/healthz/ready`)).ok) await sleep(100);
  const page = await (await fetch(origin, { headers: { accept: 'text/html' } })).text();
  const script = /src="([^"]+\.js)"/.exec(page)?.[1];
  for (const path of [script, 'viewer/decode-worker.js']) {
    const answer = await fetch(new URL(String(path), `${origin}/`));
    if (!answer.ok) throw new Error(`Expected the viewer's ${path} but received ${answer.status}`);
  }
  const answer = await fetch(`${origin}/v1/denoise`, {
    method: 'POST',
    headers: { 'content-type': 'image/x-exr' },
    body: await readFile(new URL('../examples/window/frame.0004.exr', import.meta.url)),
  });
  const bytes = Buffer.from(await answer.arrayBuffer());
  if (!answer.ok || bytes.readUInt32LE(0) !== 20000630) throw new Error(`Expected a picture: ${bytes}`);
  console.log(`The service at ${origin} has denoised a frame of ${bytes.length} bytes`);
} finally {
  child.kill('SIGTERM');
}
const [code] = await ended;
if (code !== 0) throw new Error(`Expected the service to end with 0 but it ended with ${code}`);
