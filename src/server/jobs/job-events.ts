import { ConflatingChannel } from '../../threads/conflating-channel.js';
import type { LeastRate } from '../http/least-rate.js';
import type { Lifecycle } from '../lifecycle.js';
import type { Job } from './job.js';

/** Proxies cut connections that are silent for longer. */
const HEARTBEAT_MS = 15_000;

/**
 * Server-sent events of a job. Each has the whole status, with the frames that have changed since the event before it, and
 * its id is the job's version: a client that comes again with `Last-Event-ID` misses nothing, and one that reads slowly
 * gets fewer events. All streams share the text of an event. The stream ends with the job, with the service, or when the signal aborts.
 */
export async function* jobEvents(
  job: Job,
  seen: number,
  lifecycle: Lifecycle,
  signal: AbortSignal,
  rate: LeastRate,
): AsyncGenerator<string> {
  const changes = new ConflatingChannel<'change' | 'silence'>();
  const change = (): void => changes.set('change');
  const timer = setInterval(() => changes.set('silence'), HEARTBEAT_MS);
  const ended = new AbortController();
  const either = AbortSignal.any([signal, ended.signal]);
  const end = (): void => changes.end();
  job.onChange(change, either);
  lifecycle.onChange(() => lifecycle.phase === 'draining' && end(), either);
  signal.addEventListener('abort', end, { once: true });
  let last = seen;
  try {
    if (signal.aborted || lifecycle.phase === 'draining') end();
    change();
    for await (const _ of changes) {
      if (job.version === last) {
        const silence = ': still here\n\n';
        rate.wait();
        yield silence;
        rate.moved(silence.length);
        continue;
      }
      const data = job.statusText(last);
      last = job.version;
      rate.wait();
      yield `id: ${last}\nevent: ${job.ended ? 'end' : 'progress'}\ndata: ${data}\n\n`;
      rate.moved(data.length);
      if (job.ended) return;
    }
  } finally {
    clearInterval(timer);
    ended.abort();
  }
}
