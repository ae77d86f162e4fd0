/**
 * Asks for the health of a service every 50 ms from a process of its own, at the address that it is sent, and answers `over`
 * with the milliseconds of each answer. While there is no address, or the process is being ended, nothing is counted.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { Agent, request } from 'undici';

const EVERY_MS = 50;
const dispatcher = new Agent();
let origin = null;
let isOver = false;
process.on('message', (message) => {
  if (message === 'over') isOver = true;
  else origin = message.origin;
});

const times = [];
let unanswered = 0;
while (!isOver) {
  const asked = origin;
  const from = performance.now();
  try {
    if (asked !== null) {
      const answer = await request(`${asked}/healthz/live`, { dispatcher, headersTimeout: 30_000 });
      await answer.body.dump();
      if (asked === origin) times.push(performance.now() - from);
    }
  } catch {
    if (asked === origin) unanswered++;
  }
  await sleep(EVERY_MS);
}
await dispatcher.close();
process.send({ times, unanswered }, () => process.disconnect());
