/**
 * Chaos: what a service that strangers share promises, while everything goes wrong at once.
 *
 *     npm run test:chaos [-- --seconds 15]
 *
 * A process on small limits gets three times as many clients as it has places: frames by HTTP and gRPC, jobs, event streams,
 * readers that do not read, uploads that break off, files that make workers fail, and bytes that are nothing. Meanwhile tokens
 * are rotated, the process is stopped and killed and started again on the same folders, and their disk fills (where a
 * file system may be mounted). Each of the five spells of load takes `--seconds`. Afterwards every accepted job has its
 * results, equal to those of a quiet run, or a typed failure, and memory and descriptors are back. Writes
 * bench/load/results/chaos.json; the last line is `N passed, N failed`.
 */
import { execFileSync, fork } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import * as clients from './clients.mjs';
import { brokenFrame, digestOf, noisyFrame } from './frames.mjs';
import { Service } from './service.mjs';

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
const MOST_JOBS = 120;
const FARM = 'farm-secret';
/** What a client that does nothing wrong may be answered under overload. */
const REFUSALS = ['overloaded', 'too-many-requests', 'grpc Unavailable', 'grpc ResourceExhausted'];

let passed = 0;
let failed = 0;
function check(name, isTrue, details = '') {
  if (isTrue) passed++;
  else failed++;
  console.log(`${isTrue ? 'ok' : 'FAILED'}: ${name}${details === '' ? '' : ` (${details})`}`);
}

let seed = 1;
function random() {
  seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
  return seed / 2 ** 32;
}

const folder = mkdtempSync(join(tmpdir(), 'quietframe-chaos-'));
const disk = join(folder, 'disk');
mkdirSync(disk);
const isMounted = mount();
process.once('exit', () => {
  if (isMounted) execFileSync('umount', ['-l', disk]);
  rmSync(folder, { recursive: true, force: true });
});

function mount() {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=24m', 'tmpfs', disk], { stdio: 'ignore' });
    return true;
  } catch {
    console.log('SKIPPED: no file system can be mounted here, so the disk does not fill');
    return false;
  }
}

const tokensFile = join(folder, 'tokens.json');
const ROTATE_MS = 8000;
/** Tokens of the file: the one before, the one that clients use, the next one. The service looks at it every five seconds. */
const guests = [0, 1, 2].map((index) => `guest-secret-${index}`);
let rotations = guests.length;
function writeTokens() {
  const sha256 = (token) => createHash('sha256').update(token).digest('hex');
  const others = guests.map((token) => ({
    name: token.replace('-secret', ''),
    sha256: sha256(token),
    concurrent: 4,
  }));
  writeFileSync(
    `${tokensFile}.new`,
    JSON.stringify({ tokens: [{ name: 'farm', sha256: sha256(FARM) }, ...others] }),
  );
  renameSync(`${tokensFile}.new`, tokensFile);
}
function rotateTokens() {
  guests.shift();
  guests.push(`guest-secret-${rotations++}`);
  writeTokens();
}
writeTokens();

const good = [1, 2, 3, 4, 5, 6].map(noisyFrame);
const broken = brokenFrame();
const expected = new Map();
const prober = fork(join(here, 'probe.mjs'));
const flags =
  `--threads 1 --queue ${QUEUE} --frame-cache 1048576 --spool-size 8388608 --event-streams 8 --stall 2
  --upload-timeout 10 --drain 20 --max-connections 256 --log error`.split(/\s+/);
const service = new Service(
  [...flags, '--tokens', tokensFile, '--spool', join(disk, 'spool'), '--job-folder', join(disk, 'jobs')],
  (origin) => prober.send({ origin }),
);

async function end(signal) {
  prober.send({ origin: null });
  return service.end(signal);
}

await service.start();
for (let round = 0; round < 5; round++) {
  for (const frame of good) {
    const headers = { 'content-type': 'image/x-exr', ...clients.bearer(FARM) };
    const answer = await clients.ask('POST', `${service.http}/v1/denoise?model=pkn`, headers, frame);
    if (answer.status !== 200) throw new Error(answer.body.toString());
    expected.set(digestOf(frame), digestOf(answer.body));
  }
}
const before = service.resources;

/** Accepted jobs: id and files. */
const jobs = [];
const outcomes = new Map();
let isDiskFull = false;
let isLoaded = true;

function note(kind, outcome) {
  const key = `${kind}: ${outcome}`;
  outcomes.set(key, (outcomes.get(key) ?? 0) + 1);
}

async function actOnce() {
  const { http, grpc, starts } = service;
  if (http === undefined) return sleep(50);
  const frame = good[Math.floor(random() * good.length)];
  const token = random() < 0.7 ? FARM : guests[1];
  const to = { http, grpc, token, frame, expected: expected.get(digestOf(frame)) };
  const dice = random();
  const wasFull = isDiskFull;
  let kind = 'http';
  let outcome;
  try {
    if (dice < 0.4) outcome = await clients.denoise(to);
    else if (dice < 0.55) [kind, outcome] = ['grpc', await clients.denoiseByGrpc(to)];
    else if (dice < 0.7) [kind, outcome] = ['job', await submitOnce(to)];
    else if (dice < 0.77) [kind, outcome] = ['events', await follow(to)];
    else if (dice < 0.82) [kind, outcome] = ['silent reader', await clients.readNothing(to)];
    else if (dice < 0.87) [kind, outcome] = ['broken upload', await clients.breakOff(to, 50)];
    else if (dice < 0.9) [kind, outcome] = ['stalled upload', await clients.breakOff(to, 3000)];
    else if (dice < 0.97) [kind, outcome] = ['garbage', await clients.sendGarbage(to, random)];
    else [kind, outcome] = ['noise', await clients.sendNoise(random() < 0.5 ? http : grpc)];
  } catch (error) {
    outcome = `gone: ${error.code ?? error.cause?.code ?? error.message}`;
  }
  if (outcome.startsWith('gone') && (service.http !== http || service.starts !== starts))
    outcome = 'ended with the process';
  if (wasFull || isDiskFull) kind += ' (disk full)';
  note(kind, outcome);
  await sleep(20 * random());
}

async function submitOnce(to) {
  if (jobs.length >= MOST_JOBS) return clients.denoise(to);
  const files = [to.frame, good[Math.floor(random() * good.length)]];
  if (random() < 0.25) files.push(broken);
  // Jobs are seen by their own caller alone.
  const { outcome, id } = await clients.submit({ ...to, token: FARM, files });
  if (id !== undefined) jobs.push({ id, files });
  return outcome;
}

async function follow(to) {
  const job = jobs[Math.floor(random() * jobs.length)];
  return job === undefined ? clients.denoise(to) : clients.followEvents({ ...to, token: FARM, id: job.id });
}

const running = Array.from({ length: CLIENTS }, async () => {
  while (isLoaded) await actOnce();
});
const rotating = setInterval(rotateTokens, ROTATE_MS);

const exits = [];
await sleep(spellMs);
exits.push(await end('SIGTERM'));
await service.start();
await sleep(spellMs);
await end('SIGKILL');
await service.start();
if (isMounted) {
  isDiskFull = true;
  fillDisk();
  await sleep(spellMs);
  rmSync(join(disk, 'filler'));
  await sleep(1000);
  isDiskFull = false;
}
await sleep(spellMs);
await end('SIGKILL');
await service.start();
await sleep(spellMs);
isLoaded = false;
clearInterval(rotating);
await Promise.all(running);

function fillDisk() {
  const block = Buffer.alloc(2 ** 16);
  try {
    for (;;) writeFileSync(join(disk, 'filler'), block, { flag: 'a' });
  } catch (error) {
    if (error.code !== 'ENOSPC') throw error;
  }
}

const jobFrames = { done: 0, failed: new Map() };
const faults = [];
for (const { id, files } of jobs) await checkJob(id, files);

async function checkJob(id, files) {
  const headers = clients.bearer(FARM);
  const url = `${service.http}/v1/jobs/${id}`;
  let status;
  for (const until = performance.now() + 60_000; ; await sleep(100)) {
    const answer = await clients.ask('GET', url, headers);
    if (answer.status !== 200) return faults.push(`${id}: ${clients.codeOf(answer)}`);
    status = JSON.parse(answer.body.toString());
    if (!['queued', 'running'].includes(status.state)) break;
    if (performance.now() > until) return faults.push(`${id}: still ${status.state}`);
  }
  for (const [index, file] of files.entries()) {
    const answer = await clients.ask('GET', `${url}/results/${index}`, { ...headers, accept: 'image/x-exr' });
    const wanted = expected.get(digestOf(file));
    if (answer.status === 200 && digestOf(answer.body) === wanted) jobFrames.done++;
    else if (answer.status === 200) faults.push(`${id}/${index}: another result`);
    else {
      const code = clients.codeOf(answer);
      jobFrames.failed.set(code, (jobFrames.failed.get(code) ?? 0) + 1);
      if (code.startsWith('wrong') || code === 'not-finished') faults.push(`${id}/${index}: ${code}`);
      if (wanted !== undefined && !['missing-frames', 'not-found'].includes(code))
        faults.push(`${id}/${index}: ${code}`);
    }
  }
}

const [oldest] = guests;
rotateTokens();
await sleep(ROTATE_MS);
const models = async (token) =>
  (await clients.ask('GET', `${service.http}/v1/models`, clients.bearer(token))).status;
const [fresh, stale] = [await models(guests[2]), await models(oldest)];
await clients.closeClients();
await sleep(8000);
const after = service.resources;
prober.send('over');
const [{ times, unanswered }] = await once(prober, 'message');
exits.push(await end('SIGTERM'));

const sorted = times.sort((a, b) => a - b);
const quantile = (q) =>
  Math.round(10 * (sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? 0)) / 10;
const health = {
  count: sorted.length,
  unanswered,
  p50: quantile(0.5),
  p99: quantile(0.99),
  most: quantile(1),
};
const all = [...outcomes].sort(([a], [b]) => a.localeCompare(b));
for (const [outcome, count] of all) console.log(`  ${outcome}: ${count}`);
const matching = (test) =>
  all.filter(([key]) => test(...key.split(': '))).map(([key, count]) => `${key} ${count}`);
const isGood = (kind) => ['http', 'grpc', 'events'].includes(kind);

check(
  'frames were denoised by HTTP and gRPC',
  outcomes.get('http: done') > 0 && outcomes.get('grpc: done') > 0,
);
check('jobs were accepted', jobs.length > 0, `${jobs.length}`);
const wrong = matching((_, outcome) => outcome === 'wrong');
check('no answer was another result, or no problem document', wrong.length === 0, wrong.join('; '));
const gone = matching((kind, outcome) => isGood(kind) && outcome === 'gone');
check('no connection of a good client broke while the process was up', gone.length === 0, gone.join('; '));
const okay = ['done', 'ended with the process', ...REFUSALS];
const refused = matching((kind, outcome) => isGood(kind) && outcome !== 'gone' && !okay.includes(outcome));
check('good clients had results or were refused for want of room', refused.length === 0, refused.join('; '));
const internal = matching((kind, outcome) => !kind.includes('disk full') && outcome === 'internal');
check('nothing failed inside', internal.length === 0, internal.join('; '));
check(
  'every accepted job has its results or typed failures',
  faults.length === 0,
  faults.slice(0, 9).join('; '),
);
check(
  'results of jobs were compared',
  jobFrames.done > 0,
  `${jobFrames.done} equal, ${JSON.stringify([...jobFrames.failed])}`,
);
check(
  'the process ended in order after SIGTERM',
  exits.every((code) => code === 0),
  exits.join(', '),
);
check('tokens are taken and refused as the file says', fresh === 200 && stale === 401, `${fresh}, ${stale}`);
check(
  'descriptors are back',
  after.descriptors <= before.descriptors + 8,
  `${before.descriptors}, ${after.descriptors}`,
);
check(
  'memory is back',
  after.residentMiB <= 1.5 * before.residentMiB + 64,
  `${before.residentMiB}, ${after.residentMiB} MiB`,
);
check('health was answered throughout', unanswered === 0 && health.count > 0, JSON.stringify(health));

const record = {
  date: new Date().toISOString().slice(0, 10),
  machine: {
    processor: cpus()[0]?.model.replace(/\s+\d+-Core.*/, '') ?? '',
    processors: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    loadAverage: loadavg()[0],
    node: process.version,
    quietframe: JSON.parse(readFileSync(join(here, '../../../package.json'), 'utf8')).version,
  },
  settings: { clients: CLIENTS, places: QUEUE + 1, spellSeconds: spellMs / 1000, diskFills: isMounted },
  healthMilliseconds: health,
  resources: { before, after },
  jobs: {
    accepted: jobs.length,
    framesDone: jobFrames.done,
    framesFailed: Object.fromEntries(jobFrames.failed),
  },
  outcomes: Object.fromEntries(all),
  passed,
  failed,
};
writeFileSync(join(here, '../results/chaos.json'), `${JSON.stringify(record, null, 2)}\n`);
console.log(`/healthz/live: p50 ${health.p50} ms, p99 ${health.p99} ms, most ${health.most} ms`);
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
