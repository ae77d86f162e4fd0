/**
 * Chaos: what a service that strangers share promises, while everything goes wrong at once.
 *
 *     npm run test:chaos [-- --seconds 15]
 *
 * A process on small limits gets three times as many clients as it has places: frames by HTTP and gRPC, jobs, event streams,
 * readers that do not read, uploads that break off, files that make workers fail, and bytes that are nothing. Meanwhile
 * threads of it are ended, tokens are rotated, the process is stopped and killed and started again on the same folders, and
 * their disk fills (where a file system may be mounted). Each of the five spells of load takes `--seconds`. Afterwards every
 * accepted job has its results, equal to those of a quiet run, or a typed failure, and memory and descriptors are back. Writes
 * bench/load/results/chaos.json; the last line is `N passed, N failed`.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import * as clients from './clients.mjs';
import { Disk } from './disk.mjs';
import { digestOf, noisyFrame } from './frames.mjs';
import { checkJobs } from './job-results.mjs';
import { checkAll, machine, quantiles, round } from './report.mjs';
import { Service } from './service.mjs';
import { FARM, ROTATE_MS, Tokens } from './tokens.mjs';
import { Traffic } from './traffic.mjs';

const here = fileURLToPath(new URL('.', import.meta.url));
const { values: options } = parseArgs({ options: { seconds: { type: 'string', default: '15' } } });
const spellMs = 1000 * Number(options.seconds);
/** Nothing may hang for longer. */
setTimeout(() => {
  console.log('The test did not end within ten minutes\n0 passed, 1 failed');
  process.exit(1);
}, 600_000).unref();

const QUEUE = 6;
const CLIENTS = 3 * (QUEUE + 1);
/** Until connections have ended. */
const SETTLE_MS = 8000;
/** What ends in turns. Native code runs in threads of networks: they are only ended between two steps. */
const KILLS = [
  { terminate: 'exr/worker.js' },
  { crash: 'denoise/worker/denoise-worker.js' },
  { terminate: 'exr/worker.js' },
  { crash: 'server/thread/denoise-thread-worker.js' },
];
for (const script of KILLS.flatMap(Object.values)) accessSync(join(here, '../../../dist', script));
const KILL_MS = 1000;
/** Frames between two kills: work survives the loss of one thread, not of two. */
const KILL_FRAMES = 10;

const folder = mkdtempSync(join(tmpdir(), 'quietframe-chaos-'));
const disk = new Disk(join(folder, 'disk'));
process.once('exit', () => {
  disk.unmount();
  rmSync(folder, { recursive: true, force: true });
});
const tokens = new Tokens(join(folder, 'tokens.json'));
const frames = [1, 2, 3, 4, 5, 6].map(noisyFrame);
const expected = new Map();
const prober = fork(join(here, 'probe.mjs'));
const flags =
  `--threads 1 --queue ${QUEUE} --frame-cache 1048576 --spool-size 8388608 --event-streams 8 --stall 2
  --upload-timeout 10 --drain 20 --max-connections 256 --log error`.split(/\s+/);
const folders = ['--spool', join(disk.folder, 'spool'), '--job-folder', join(disk.folder, 'jobs')];
const service = new Service([...flags, '--tokens', tokens.file, ...folders], (origin) => {
  if (prober.connected) prober.send({ origin });
});

async function settle() {
  await clients.closeConnections();
  await sleep(SETTLE_MS);
}

/** Threads and memory are at their most when all places are taken. */
async function denoiseAll() {
  const headers = { 'content-type': 'image/x-exr', ...clients.bearer(FARM) };
  const denoise = async (frame) => {
    const answer = await clients.ask('POST', `${service.http}/v1/denoise?model=pkn`, headers, frame);
    if (answer.status !== 200) throw new Error(answer.body.toString());
    expected.set(digestOf(frame), digestOf(answer.body));
  };
  await Promise.all(frames.map(denoise));
}

await service.start();
for (let round = 0; round < 5; round++) await denoiseAll();
await settle();
const before = service.resources;

const traffic = new Traffic({ service, disk, tokens, frames, expected });
traffic.start(CLIENTS);
tokens.start();
const kills = { count: 0, restarts: 0 };
let doneAtKill = 0;
const killing = setInterval(() => {
  if (traffic.done < doneAtKill + KILL_FRAMES) return;
  if (!service.endThreads(KILLS[kills.count % KILLS.length])) return;
  kills.count++;
  doneAtKill = traffic.done;
}, KILL_MS);

/** Threads of the denoiser that the process has replaced; the next process begins with none. */
async function countRestarts() {
  const { body } = await clients.ask('GET', `${service.http}/metrics`, {});
  kills.restarts += Number(/^quietframe_denoiser_restarts_total (\d+)/m.exec(body.toString())?.[1] ?? 0);
}

const exits = [];
await sleep(spellMs);
await countRestarts();
exits.push(await service.end('SIGTERM'));
await service.start();
await sleep(spellMs);
await service.end('SIGKILL');
await service.start();
if (disk.isMounted) {
  disk.fill();
  await sleep(spellMs);
  disk.empty();
  await sleep(1000);
  disk.isFull = false;
}
await sleep(spellMs);
await service.end('SIGKILL');
await service.start();
await sleep(spellMs);
clearInterval(killing);
tokens.stop();
await traffic.stop();

const results = await checkJobs(service.http, traffic.jobs, expected);
const { stale } = tokens;
tokens.rotate();
await sleep(ROTATE_MS);
const models = async (token) =>
  (await clients.ask('GET', `${service.http}/v1/models`, clients.bearer(token))).status;
const statuses = { next: await models(tokens.next), stale: await models(stale) };
await countRestarts();
await settle();
const after = service.resources;
prober.send('over');
const [{ times, unanswered }] = await once(prober, 'message');
exits.push(await service.end('SIGTERM'));
await clients.closeConnections();

const health = { ...quantiles(times), unanswered };
const outcomes = new Map([...traffic.outcomes].sort(([a], [b]) => a.localeCompare(b)));
for (const [outcome, count] of outcomes) console.log(`  ${outcome}: ${count}`);
for (const [error, count] of service.errors) console.log(`  logged ${count}: ${error}`);
const { jobs } = traffic;
const counts = checkAll({ outcomes, jobs, results, exits, kills, statuses, before, after, health });
const record = {
  date: new Date().toISOString().slice(0, 10),
  machine: machine(),
  settings: { clients: CLIENTS, places: QUEUE + 1, spellSeconds: spellMs / 1000, diskFills: disk.isMounted },
  healthMilliseconds: health,
  /** Of the event loop, by process. */
  loopDelayMilliseconds: service.delays.map(({ p99, p999, most }) => ({
    p99: round(p99),
    p999: round(p999),
    most: round(most),
  })),
  threadsEnded: kills.count,
  resources: { before, after },
  jobs: {
    accepted: jobs.length,
    framesDone: results.done,
    framesFailed: Object.fromEntries(results.failed),
  },
  outcomes: Object.fromEntries(outcomes),
  ...counts,
};
writeFileSync(join(here, '../results/chaos.json'), `${JSON.stringify(record, null, 2)}\n`);
console.log(`${counts.passed} passed, ${counts.failed} failed`);
process.exit(counts.failed === 0 ? 0 : 1);
