/** Reads the results of accepted jobs and compares them with those of a quiet run. */
import { setTimeout as sleep } from 'node:timers/promises';
import * as clients from './clients.mjs';
import { digestOf } from './frames.mjs';
import { FARM } from './tokens.mjs';

const WAIT_MS = 60_000;
/** How a good frame may fail: its file, or its result, was evicted or could not be written. */
const TYPED = ['missing-frames', 'not-found'];

/** @returns frames with their results, how often the others failed with which code, and what must not be. */
export async function checkJobs(http, jobs, expected) {
  const found = { done: 0, failed: new Map(), faults: [] };
  for (const job of jobs) await checkJob(http, job, expected, found);
  return found;
}

async function checkJob(http, { id, files }, expected, found) {
  const headers = clients.bearer(FARM);
  const url = `${http}/v1/jobs/${id}`;
  for (const until = performance.now() + WAIT_MS; ; await sleep(100)) {
    const answer = await clients.ask('GET', url, headers);
    if (answer.status !== 200) return found.faults.push(`${id}: ${clients.codeOf(answer)}`);
    const { state } = JSON.parse(answer.body.toString());
    if (!['queued', 'running'].includes(state)) break;
    if (performance.now() > until) return found.faults.push(`${id}: still ${state}`);
  }
  for (const [index, file] of files.entries()) {
    const answer = await clients.ask('GET', `${url}/results/${index}`, { ...headers, accept: 'image/x-exr' });
    const wanted = expected.get(digestOf(file));
    if (answer.status === 200) {
      if (digestOf(answer.body) === wanted) found.done++;
      else found.faults.push(`${id}/${index}: another result`);
      continue;
    }
    const code = clients.codeOf(answer);
    found.failed.set(code, (found.failed.get(code) ?? 0) + 1);
    const isTyped = !code.startsWith('wrong') && code !== 'not-finished';
    if (!isTyped || (wanted !== undefined && !TYPED.includes(code)))
      found.faults.push(`${id}/${index}: ${code}`);
  }
}
