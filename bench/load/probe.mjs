/**
 * Asks a service for its health and its figures, each every 50 ms, until it gets a message, and answers with the
 * milliseconds that each took. A process of its own: what the clients of the load do must not count.
 *
 *     fork('probe.mjs', [ORIGIN])
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { Agent, request } from 'undici';

const EVERY_MS = 50;
const [, , origin] = process.argv;
const dispatcher = new Agent();
let isOver = false;
process.once('message', () => {
  isOver = true;
});

async function probe(path) {
  const times = [];
  while (!isOver) {
    const from = performance.now();
    await (await request(origin + path, { dispatcher })).body.dump();
    times.push(performance.now() - from);
    await sleep(EVERY_MS);
  }
  return times;
}

const [health, metrics] = await Promise.all([probe('/healthz/live'), probe('/metrics')]);
await dispatcher.close();
process.send({ health, metrics }, () => process.disconnect());
