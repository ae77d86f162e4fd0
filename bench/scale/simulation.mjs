/**
 * A farm of replicas that denoise frames, simulated event by event. Times are seconds, sizes bytes.
 *
 * Frames wait in one line, because clients come again until a replica has room, and each replica holds a few requests
 * beside the one that it works on: none idles while there is work. A frame takes its computation or its transfer, whichever
 * is longer, since the next one is uploaded meanwhile. A replica that is lost takes its frame with it, which is done again.
 */

/** Numbers in [0, 1), the same in every run. */
export function randomNumbers(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let hash = Math.imul(state ^ (state >>> 15), 1 | state);
    hash = (hash + Math.imul(hash ^ (hash >>> 7), 61 | hash)) ^ hash;
    return ((hash ^ (hash >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Events by time; of the same time, the earlier one first. */
class Agenda {
  #heap = [];
  #count = 0;

  get size() {
    return this.#heap.length;
  }

  add(at, run) {
    const heap = this.#heap;
    heap.push({ at, order: this.#count++, run });
    for (let i = heap.length - 1; i > 0; ) {
      const parent = (i - 1) >> 1;
      if (!this.#before(i, parent)) break;
      this.#swap(i, parent);
      i = parent;
    }
  }

  next() {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (heap.length > 0) {
      heap[0] = last;
      for (let i = 0; ; ) {
        const [left, right] = [2 * i + 1, 2 * i + 2];
        let least = i;
        if (left < heap.length && this.#before(left, least)) least = left;
        if (right < heap.length && this.#before(right, least)) least = right;
        if (least === i) break;
        this.#swap(i, least);
        i = least;
      }
    }
    return first;
  }

  #before(i, j) {
    const [a, b] = [this.#heap[i], this.#heap[j]];
    return a.at === b.at ? a.order < b.order : a.at < b.at;
  }

  #swap(i, j) {
    [this.#heap[i], this.#heap[j]] = [this.#heap[j], this.#heap[i]];
  }
}

/**
 * @param options.arrivals frames by time: `{ at, pixels, bytes }`.
 * @param options.replicas at the start, and for good without `scaling`.
 * @param options.compute seconds that a replica takes for so many pixels.
 * @param options.bytesPerSecond of the network of one replica.
 * @param options.window frames that are denoised together.
 * @param options.missRate share of frames of a window that the replica does not have yet and that are sent again.
 * @param options.lossesPerHour of one replica.
 * @param options.startSeconds until a new replica works.
 * @param options.scaling `{ least, most, target, everySeconds, downAfterSeconds }`: `target` frames in line for a replica.
 */
export function simulate({
  arrivals,
  replicas,
  compute,
  bytesPerSecond,
  window,
  missRate,
  lossesPerHour,
  startSeconds,
  scaling,
  seed,
}) {
  const random = randomNumbers(seed);
  const agenda = new Agenda();
  const line = [];
  let head = 0;
  const idle = [];
  const alive = new Set();
  let starting = 0;
  const waits = [];
  let [done, lost, busySeconds, sentBytes, replicaSeconds, peakReplicas, peakLine] = [0, 0, 0, 0, 0, 0, 0];
  let now = 0;
  let ended = 0;

  const waiting = () => line.length - head;
  const account = (until) => {
    replicaSeconds += (alive.size + starting) * (until - now);
    now = until;
  };
  const begin = (replica) => {
    const frame = line[head++];
    if (head > 65536) {
      line.splice(0, head);
      head = 0;
    }
    // Each frame of the window comes once, and again where it was let go of or belongs to another replica.
    const bytes = frame.bytes * (2 + missRate * (window - 1));
    const spread = Math.exp(0.1 * Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random()));
    const seconds = Math.max(compute(frame.pixels) * spread, bytes / bytesPerSecond);
    replica.frame = frame;
    sentBytes += bytes;
    const from = now;
    agenda.add(now + seconds, () => {
      if (!alive.has(replica) || replica.frame !== frame) return;
      replica.frame = undefined;
      busySeconds += seconds;
      waits.push(from - frame.at);
      done++;
      ended = now;
      if (replica.leaving) alive.delete(replica);
      else idle.push(replica);
    });
  };
  const join = () => {
    const replica = { frame: undefined, leaving: false };
    alive.add(replica);
    idle.push(replica);
    if (lossesPerHour > 0) {
      agenda.add(now + (-3600 * Math.log(1 - random())) / lossesPerHour, () => {
        if (!alive.delete(replica)) return;
        if (replica.frame !== undefined) {
          line.splice(head, 0, replica.frame);
          lost++;
        }
        hire();
      });
    }
  };
  const hire = () => {
    starting++;
    agenda.add(now + startSeconds, () => {
      starting--;
      join();
    });
  };

  for (let i = 0; i < replicas; i++) join();
  let at = 0;
  const arrive = () => {
    const frame = arrivals[at++];
    line.push(frame);
    if (at < arrivals.length) agenda.add(arrivals[at].at, arrive);
  };
  agenda.add(arrivals[0].at, arrive);
  if (scaling !== undefined) {
    let highest = [];
    const scale = () => {
      const size = alive.size + starting;
      const wanted = Math.ceil(waiting() / scaling.target);
      const bounded = Math.min(scaling.most, Math.max(scaling.least, wanted, Math.min(wanted, size)));
      highest = [...highest.filter((each) => each.at > now - scaling.downAfterSeconds), { at: now, bounded }];
      // Up at once, at most doubling; down to the most that was wanted lately.
      const down = Math.max(...highest.map((each) => each.bounded));
      const next = bounded > size ? Math.min(bounded, 2 * size + 4) : Math.min(size, down);
      for (let i = size; i < next; i++) hire();
      for (let i = next; i < size; i++) {
        const replica = idle.pop() ?? [...alive].find((each) => !each.leaving);
        if (replica === undefined) break;
        if (replica.frame === undefined) alive.delete(replica);
        else replica.leaving = true;
      }
      if (at < arrivals.length || done < arrivals.length) agenda.add(now + scaling.everySeconds, scale);
    };
    agenda.add(0, scale);
  }

  while (agenda.size > 0 && done < arrivals.length) {
    const event = agenda.next();
    account(event.at);
    event.run();
    while (waiting() > 0 && idle.length > 0) {
      const replica = idle.pop();
      if (alive.has(replica)) begin(replica);
    }
    peakReplicas = Math.max(peakReplicas, alive.size + starting);
    peakLine = Math.max(peakLine, waiting());
  }
  waits.sort((a, b) => a - b);
  const quantile = (q) => waits[Math.min(waits.length - 1, Math.floor(q * waits.length))] ?? 0;
  return {
    seconds: ended,
    done,
    lost,
    peakReplicas,
    peakLine,
    replicaHours: replicaSeconds / 3600,
    utilisation: busySeconds / replicaSeconds,
    wait: { p50: quantile(0.5), p99: quantile(0.99), most: quantile(1) },
    sentBytes,
  };
}
