/**
 * Preloaded into every thread of the service under test, and part of no build: ends threads as crashes would, and measures how
 * long the thread that answers was held up. The test asks the main thread over the channel of its child process:
 * `{ crash: script }` and `{ terminate: script }` end threads that run a script of dist, `{ delay: true }` is answered with the delays
 * since the last time.
 */
import { subscribe } from 'node:diagnostics_channel';
import { relative } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { fileURLToPath } from 'node:url';
import { BroadcastChannel, isMainThread, threadId } from 'node:worker_threads';

const RESOLUTION_MS = 5;
const DIST = fileURLToPath(new URL('../../../dist/', import.meta.url));
/** Script of this thread. */
const own = relative(DIST, process.argv[1] ?? '');
/** Threads that this one has started. */
const children = new Set();
/** Scripts of all threads, by id. */
const scripts = new Map();

subscribe('worker_threads', ({ worker }) => {
  children.add(worker);
  worker.once('exit', () => children.delete(worker));
});

const channel = new BroadcastChannel('quietframe-chaos');
channel.unref();
channel.onmessage = ({ data }) => {
  if ('script' in data) scripts.set(data.id, data.script);
  else if ('terminate' in data) terminate(data.terminate);
  else if (data.crash === own) {
    setImmediate(() => {
      throw new Error('The chaos test ended this thread');
    });
  }
};

/**
 * One thread of each pool, in the middle of its work, which another one takes over. Threads that wait for native code are not
 * ended so: that code would end the process.
 */
function terminate(script) {
  const worker = [...children].find(({ threadId: id }) => scripts.get(id) === script);
  void worker?.terminate();
}

if (isMainThread) {
  const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  delay.enable();
  process.on('message', (message) => {
    if ('crash' in message) channel.postMessage(message);
    else if ('terminate' in message) {
      channel.postMessage(message);
      terminate(message.terminate);
    } else {
      const milliseconds = (nanoseconds) => Math.max(0, nanoseconds / 1e6 - RESOLUTION_MS);
      const [p99, p999, most] = [delay.percentile(99), delay.percentile(99.9), delay.max].map(milliseconds);
      process.send({ p99, p999, most });
      delay.reset();
    }
  });
  process.channel?.unref();
} else {
  channel.postMessage({ script: own, id: threadId });
}
