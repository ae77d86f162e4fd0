import { stat } from 'node:fs/promises';
import { setTimeout } from 'node:timers/promises';

/** Milliseconds between two looks at the files. Secret volumes are swapped by links, which file system events do not report. */
const EVERY_MS = 5000;

/**
 * Calls back at once, and then whenever one of the files was replaced or written, until the signal aborts. The state of the
 * files is taken before each call: whatever changes while they are read, or changed since the caller first read them, is
 * read again. Watching does not keep the process alive.
 * @param onChange reads the files; it must not reject.
 */
export async function watchFiles(
  files: readonly string[],
  onChange: () => Promise<void>,
  signal: AbortSignal,
  everyMs = EVERY_MS,
): Promise<void> {
  let known: string | undefined;
  while (!signal.aborted) {
    const state = await stateOf(files);
    if (state !== known) {
      known = state;
      await onChange();
    }
    await setTimeout(everyMs, undefined, { signal, ref: false }).catch(() => {});
  }
}

async function stateOf(files: readonly string[]): Promise<string> {
  const states = files.map(async (file) => {
    const found = await stat(file, { bigint: true }).catch(() => undefined);
    return found === undefined ? 'none' : [found.dev, found.ino, found.size, found.mtimeNs, found.ctimeNs];
  });
  return (await Promise.all(states)).join();
}
