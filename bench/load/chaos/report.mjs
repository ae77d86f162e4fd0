/** What must hold after the chaos, and the record of the run. */
import { readFileSync } from 'node:fs';
import { cpus, loadavg, totalmem } from 'node:os';

/** What a client that does nothing wrong may be answered under overload. */
const REFUSALS = ['overloaded', 'too-many-requests', 'grpc Unavailable', 'grpc ResourceExhausted'];
const GOOD = ['http', 'grpc', 'events'];
const MOST_MORE_DESCRIPTORS = 8;
/** Milliseconds that 99 of 100 health checks may take. Reported, not checked: other work on the machine counts, too. */
const HEALTH_GOAL = 100;

/** Quantiles of milliseconds. */
export function quantiles(times) {
  const sorted = times.sort((a, b) => a - b);
  const at = (q) => round(sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? 0);
  return { count: sorted.length, p50: at(0.5), p99: at(0.99), p999: at(0.999), most: at(1) };
}

export function round(value) {
  return Math.round(10 * value) / 10;
}

/** Prints each check. @returns how many passed and failed. */
export function checkAll({ outcomes, jobs, results, exits, kills, statuses, before, after, health }) {
  const counts = { passed: 0, failed: 0 };
  const check = (name, isTrue, details = '') => {
    counts[isTrue ? 'passed' : 'failed']++;
    console.log(`${isTrue ? 'ok' : 'FAILED'}: ${name}${details === '' ? '' : ` (${details})`}`);
  };
  const none = (name, found) => check(name, found.length === 0, found.slice(0, 9).join('; '));
  const matching = (test) =>
    [...outcomes].filter(([key]) => test(...key.split(': '))).map(([key, count]) => `${key} ${count}`);
  const isGood = (kind) => GOOD.includes(kind.replace(' (disk full)', ''));
  const okay = ['done', 'ended with the process', 'gone', ...REFUSALS];

  check(
    'frames were denoised by HTTP and gRPC',
    outcomes.get('http: done') > 0 && outcomes.get('grpc: done') > 0,
  );
  check('jobs were accepted', jobs.length > 0, `${jobs.length}`);
  none(
    'no answer was another result, or no problem document',
    matching((_, outcome) => outcome === 'wrong'),
  );
  none(
    'no connection of a good client broke while the process was up',
    matching((kind, outcome) => isGood(kind) && outcome === 'gone'),
  );
  none(
    'good clients had results or were refused for want of room',
    matching((kind, outcome) => isGood(kind) && !okay.includes(outcome)),
  );
  none(
    'nothing failed inside',
    matching((kind, outcome) => !kind.includes('disk full') && outcome === 'internal'),
  );
  check('threads were ended, and replaced', kills.count > 0 && kills.restarts > 0, JSON.stringify(kills));
  none('every accepted job has its results or typed failures', results.faults);
  const failed = JSON.stringify(Object.fromEntries(results.failed));
  check('results of jobs were compared', results.done > 0, `${results.done} equal, ${failed}`);
  check(
    'the process ended in order after SIGTERM',
    exits.every((code) => code === 0),
    exits.join(', '),
  );
  check(
    'tokens are taken and refused as the file says',
    statuses.next === 200 && statuses.stale === 401,
    JSON.stringify(statuses),
  );
  check(
    'descriptors are back',
    after.descriptors <= before.descriptors + MOST_MORE_DESCRIPTORS,
    `${before.descriptors}, ${after.descriptors}; ${differences(before.kinds, after.kinds)}`,
  );
  check(
    'memory is back',
    after.residentMiB <= 1.5 * before.residentMiB + 64,
    `${before.residentMiB}, ${after.residentMiB} MiB`,
  );
  check('health was answered throughout', health.unanswered === 0 && health.count > 0);
  console.log(
    `/healthz/live: p50 ${health.p50} ms, p99 ${health.p99} ms (goal ${HEALTH_GOAL}), most ${health.most} ms`,
  );
  return counts;
}

function differences(before, after) {
  const kinds = [...new Set([...Object.keys(before), ...Object.keys(after)])];
  const changed = kinds.filter((kind) => before[kind] !== after[kind]);
  return changed.map((kind) => `${kind} ${before[kind] ?? 0} -> ${after[kind] ?? 0}`).join(', ');
}

/** Where it ran. */
export function machine() {
  return {
    processor: cpus()[0]?.model.replace(/\s+\d+-Core.*/, '') ?? '',
    processors: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    loadAverage: loadavg()[0],
    node: process.version,
    quietframe: JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8')).version,
  };
}
