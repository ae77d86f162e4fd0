import { unwatchFile, watchFile } from 'node:fs';

/** Milliseconds between two looks at a file. Volumes of secrets are swapped by links, which events do not tell of. */
const EVERY_MS = 5000;

/**
 * Calls back when one of the files has been replaced or written, until the signal aborts. Watching keeps no process alive.
 */
export function watchFiles(
  files: readonly string[],
  onChange: () => void,
  signal: AbortSignal,
  everyMs = EVERY_MS,
): void {
  for (const file of files) watchFile(file, { interval: everyMs, persistent: false }, onChange);
  signal.addEventListener(
    'abort',
    () => {
      for (const file of files) unwatchFile(file, onChange);
    },
    { once: true },
  );
}
