/** A small disk for the folders of the service, which fills and empties. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const SIZE = '24m';

export class Disk {
  /** Whether it has a size of its own; without, it must not be filled. */
  isMounted;
  isFull = false;
  folder;

  constructor(folder) {
    this.folder = folder;
    mkdirSync(folder);
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${SIZE}`, 'tmpfs', folder], { stdio: 'ignore' });
      this.isMounted = true;
    } catch {
      console.log('SKIPPED: no file system can be mounted here, so the disk does not fill');
      this.isMounted = false;
    }
  }

  fill() {
    this.isFull = true;
    const block = Buffer.alloc(2 ** 16);
    try {
      for (;;) writeFileSync(this.#filler, block, { flag: 'a' });
    } catch (error) {
      if (error.code !== 'ENOSPC') throw error;
    }
  }

  empty() {
    rmSync(this.#filler);
  }

  unmount() {
    if (this.isMounted) execFileSync('umount', ['-l', this.folder]);
  }

  get #filler() {
    return join(this.folder, 'filler');
  }
}
