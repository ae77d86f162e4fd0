/**
 * Loads a service with frames at 1, 2 and 10 times what it can do, and asks for its health and its figures meanwhile, from
 * a process of its own (probe.mjs).
 *
 *     npm run -s bench:load [-- --seconds 20] [--size 320x180] [--threads 2] [--queue 16]
 *
 * The service is a process of its own with the model that ships. First its capacity is measured: one client that sends
 * one frame after the other. Then requests arrive at random times (Poisson) at a multiple of that, whether earlier ones
 * have been answered or not, from four clients with addresses of their own. 429 and 503 are the service's way to say that
 * there is no room, and are counted as refused; anything else but 200, and any result whose bytes differ from those of
 * the first, is an error. Writes bench/load/results/latest.json and prints the table.
 */
import { fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { Agent as HttpAgent, request as httpRequest } from 'node:http';
import { cpus, totalmem } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Agent, request } from 'undici';
import { writeExr } from '../../dist/exr/write-exr.js';

const here = fileURLToPath(new URL('.', import.meta.url));
const { values: options } = parseArgs({
  options: {
    seconds: { type: 'string', default: '20' },
    size: { type: 'string', default: '320x180' },
    threads: { type: 'string', default: '2' },
    queue: { type: 'string', default: '16' },
  },
});
const seconds = Number(options.seconds);
const [width, height] = options.size.split('x').map(Number);
const FACTORS = [1, 2, 10];
const CLIENTS = 4;

/** Numbers in [0, 1), the same in every run. */
function randomNumbers(seed) {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

/** A file of noise with colour, albedo and normals in half floats. */
function frame(width, height, seed = 1) {
  const random = randomNumbers(seed);
  const window = { xMin: 0, yMin: 0, xMax: width - 1, yMax: height - 1 };
  const planes = new Map();
  for (const name of [
    'B',
    'G',
    'R',
    'albedo.B',
    'albedo.G',
    'albedo.R',
    'normal.X',
    'normal.Y',
    'normal.Z',
  ]) {
    const data = Float32Array.from({ length: width * height }, random);
    planes.set(name, { name, type: 'half', data });
  }
  const part = { name: '', dataWindow: window, displayWindow: window, attributes: new Map(), planes };
  return writeExr({ parts: [part] });
}

async function start() {
  const main = join(here, '../../dist/cli/main.js');
  const args = [
    'serve',
    '--port',
    '0',
    '--threads',
    options.threads,
    '--queue',
    options.queue,
    '--log',
    'error',
  ];
  const child = spawn(process.execPath, [main, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  process.once('exit', () => child.kill());
  const [line] = await once(createInterface(child.stdout), 'line');
  const origin = line.replace('quietframe listening on ', '');
  while ((await fetch(`${origin}/healthz/ready`)).status !== 200) await sleep(100);
  return { child, origin };
}

function quantile(values, q) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? 0;
}

const milliseconds = (values) => ({
  count: values.length,
  p50: Math.round(10 * quantile(values, 0.5)) / 10,
  p99: Math.round(10 * quantile(values, 0.99)) / 10,
  most: Math.round(10 * quantile(values, 1)) / 10,
});

const exr = frame(width, height);
const { child, origin } = await start();
const agents = Array.from(
  { length: CLIENTS },
  (_, i) => new HttpAgent({ localAddress: `127.0.0.${2 + i}`, keepAlive: true }),
);
const probes = new Agent();
let wanted;

async function denoise(agent) {
  const from = performance.now();
  try {
    const { status, retryAfter, body } = await post(agent);
    const ms = performance.now() - from;
    if (status === 200) {
      wanted ??= body;
      return { kind: body.equals(wanted) ? 'done' : 'error', ms };
    }
    const isFull = status === 503 || status === 429;
    return { kind: isFull && retryAfter !== undefined ? 'refused' : 'error', ms };
  } catch (error) {
    console.error(error);
    return { kind: 'error', ms: performance.now() - from };
  }
}

/** An answer that comes before the upload has ended counts, whatever becomes of the rest of the upload. */
function post(agent) {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'image/x-exr', 'content-length': exr.length };
    const sent = httpRequest(`${origin}/v1/denoise`, { method: 'POST', headers, agent });
    sent.on('error', reject).on('response', async (answer) => {
      try {
        const chunks = [];
        for await (const chunk of answer) chunks.push(chunk);
        const { statusCode: status, headers } = answer;
        resolve({ status, retryAfter: headers['retry-after'], body: Buffer.concat(chunks) });
      } catch (error) {
        reject(error);
      }
    });
    sent.end(exr);
  });
}

async function figure(name) {
  const text = await (await request(`${origin}/metrics`, { dispatcher: probes })).body.text();
  return Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1]);
}

async function load(factor, capacity) {
  const random = randomNumbers(7 + factor);
  const begin = performance.now();
  const end = begin + 1000 * seconds;
  const prober = fork(join(here, 'probe.mjs'), [origin]);
  let held = 0;
  const watch = setInterval(async () => {
    held = Math.max(held, await figure('quietframe_requests_in_flight'));
  }, 250);
  const running = [];
  for (let at = begin, i = 0; at < end; at -= (1000 * Math.log(1 - random())) / (factor * capacity), i++) {
    await sleep(Math.max(0, at - performance.now()));
    running.push(denoise(agents[i % CLIENTS]));
  }
  const answers = await Promise.all(running);
  const over = performance.now();
  clearInterval(watch);
  prober.send('over');
  const [{ health, metrics }] = await once(prober, 'message');
  const of = (kind) => answers.filter((answer) => answer.kind === kind).map(({ ms }) => ms);
  return {
    factor,
    offered: answers.length,
    done: of('done').length,
    refused: of('refused').length,
    errors: of('error').length,
    held,
    perSecond: Math.round((100000 * of('done').length) / (over - begin)) / 100,
    milliseconds: milliseconds(of('done')),
    refusedMilliseconds: milliseconds(of('refused')),
    healthMilliseconds: milliseconds(health),
    metricsMilliseconds: milliseconds(metrics),
    residentMiB: Math.round((await figure('process_resident_memory_bytes')) / 2 ** 20),
  };
}

for (let i = 0; i < 3; i++) await denoise(agents[0]);
const alone = [];
const until = performance.now() + 1000 * Math.min(10, seconds);
while (performance.now() < until) alone.push((await denoise(agents[0])).ms);
const capacity = 1000 / (alone.reduce((sum, ms) => sum + ms, 0) / alone.length);
console.log(`alone: ${(1000 / capacity).toFixed(0)} ms a frame, ${capacity.toFixed(2)} frames a second`);
const results = [];
for (const factor of FACTORS) results.push(await load(factor, capacity));
/** What a large frame takes from end to end, for bench/scale. */
async function largeFrame(seed) {
  const body = frame(1920, 1080, seed);
  const headers = { 'content-type': 'image/x-exr' };
  const from = performance.now();
  const answer = await request(`${origin}/v1/denoise`, { method: 'POST', headers, body, dispatcher: probes });
  const stages = answer.headers['server-timing'].split(', ').map((stage) => stage.split(';dur='));
  const bytes = (await answer.body.arrayBuffer()).byteLength;
  return {
    width: 1920,
    height: 1080,
    exrBytes: body.length,
    resultBytes: bytes,
    seconds: (performance.now() - from) / 1000,
    stageSeconds: Object.fromEntries(stages.map(([stage, ms]) => [stage, Number(ms) / 1000])),
  };
}
// Decoded frames are kept: the second one has to be another.
await largeFrame(2);
const large = await largeFrame(3);
child.kill('SIGTERM');
await once(child, 'exit');
for (const agent of agents) agent.destroy();
await probes.close();

const record = {
  date: new Date().toISOString().slice(0, 10),
  machine: {
    processor: cpus()[0]?.model.replace(/\s+\d+-Core.*/, '') ?? '',
    processors: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    node: process.version,
  },
  settings: {
    width,
    height,
    threads: Number(options.threads),
    queue: Number(options.queue),
    seconds,
    clients: CLIENTS,
  },
  exrBytes: exr.length,
  capacityPerSecond: capacity,
  aloneMilliseconds: milliseconds(alone),
  large,
  results,
};
mkdirSync(join(here, 'results'), { recursive: true });
writeFileSync(join(here, 'results/latest.json'), `${JSON.stringify(record, null, 2)}\n`);
console.log(
  '| load | offered | done | refused | errors | held | p50 ms | p99 ms | refused p99 ms | health p99 ms | metrics p99 ms | MiB |',
);
console.log('|---|---|---|---|---|---|---|---|---|---|---|---|');
for (const each of results) {
  const {
    milliseconds: ms,
    refusedMilliseconds: no,
    healthMilliseconds: up,
    metricsMilliseconds: figures,
  } = each;
  const cells = [
    `${each.factor}x`,
    each.offered,
    each.done,
    each.refused,
    each.errors,
    each.held,
    ms.p50,
    ms.p99,
    no.p99,
    up.p99,
    figures.p99,
    each.residentMiB,
  ];
  console.log(`| ${cells.join(' | ')} |`);
}
