import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PNG } from 'pngjs';
import { exrFile } from '../support/exr-files.js';

const at = (path: string): string => fileURLToPath(new URL(`../../${path}`, import.meta.url));
const MAIN = at('dist/cli/main.js');

/** The files that blocks find in their folder, and the shipped files that they are. */
const FILES: Readonly<Record<string, string>> = {
  'in.exr': 'frame.0004.exr',
  'half_a.exr': 'half_a.0004.exr',
  'half_b.exr': 'half_b.0004.exr',
  'reference.exr': 'reference.0004.exr',
  'shot.0003.exr': 'frame.0003.exr',
  'shot.0004.exr': 'frame.0004.exr',
  'shot.0005.exr': 'frame.0005.exr',
};

/** A folder with the files of the pages' examples, `quietframe` on a path of its own, and a service that runs. */
export class ExampleFolder {
  readonly path = mkdtempSync(join(tmpdir(), 'quietframe-docs-'));
  /** Of the service, without a slash at the end. */
  url = '';
  /** Of the frames, the halves and the map, all of which the service keeps. */
  readonly digests: Readonly<Record<'frames' | 'halves' | 'sequence' | 'lambda', readonly string[]>>;
  #service: ChildProcess | undefined;

  constructor() {
    for (const [name, shipped] of Object.entries(FILES))
      copyFileSync(at(`examples/window/${shipped}`), this.#in(name));
    for (const name of ['examples', 'models']) symlinkSync(at(name), this.#in(name));
    writeFileSync(this.#in('photo.png'), photograph());
    writeFileSync(this.#in('map.exr'), lambdaMap());
    mkdirSync(this.#in('bin'));
    writeFileSync(this.#in('bin/quietframe'), `#!/bin/sh\nexec '${process.execPath}' '${MAIN}' "$@"\n`);
    chmodSync(this.#in('bin/quietframe'), 0o755);
    const shot = ['shot.0003.exr', 'shot.0004.exr', 'shot.0005.exr'].map((name) => this.#digest(name));
    const halves = ['half_a.exr', 'half_b.exr'].map((name) => this.#digest(name));
    this.digests = { frames: shot, sequence: shot, halves, lambda: [this.#digest('map.exr')] };
  }

  /** What blocks find in their environment. */
  get environment(): Record<string, string | undefined> {
    return {
      ...process.env,
      PATH: `${this.#in('bin')}:${process.env.PATH}`,
      PYTHONPATH: at('clients/python'),
      HOST: this.url,
    };
  }

  /** Starts the service and leaves the files with it. */
  async start(): Promise<void> {
    this.#service = spawn(process.execPath, [MAIN, 'serve', '--port', '0', '--log', 'error'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const { stdout } = this.#service;
    const [listening] = await Promise.race([
      once(stdout as NodeJS.ReadableStream, 'data'),
      once(this.#service, 'exit').then(() => Promise.reject(new Error('The service ended'))),
    ]);
    this.url = /http:\/\/\S+/.exec(String(listening))?.[0] ?? '';
    for (const name of [...Object.keys(FILES), 'map.exr']) {
      const bytes = readFileSync(this.#in(name));
      const headers = { 'content-type': 'image/x-exr' };
      await fetch(`${this.url}/v1/frames/${this.#digest(name)}`, { method: 'PUT', headers, body: bytes });
    }
  }

  async stop(): Promise<void> {
    if (this.#service !== undefined && this.#service.exitCode === null) {
      this.#service.kill('SIGKILL');
      await once(this.#service, 'exit');
    }
    rmSync(this.path, { recursive: true });
  }

  /** The block with the address of the running service in the place of the usual one. */
  addressed(text: string): string {
    return text.replaceAll(/http:\/\/(localhost|127\.0\.0\.1):8080/g, this.url);
  }

  #in(name: string): string {
    return join(this.path, name);
  }

  #digest(name: string): string {
    return createHash('sha256')
      .update(readFileSync(this.#in(name)))
      .digest('hex');
  }
}

/** lambda 2 on the left and 6 on the right, of the size of the examples. */
function lambdaMap(): Uint8Array {
  const window = { xMin: 0, yMin: 0, xMax: 479, yMax: 269 };
  return exrFile([{ layers: ['=lambda'], window }], (_, i) => (i % 480 < 240 ? 2 : 6));
}

/** A small picture of a gradient. */
function photograph(): Uint8Array {
  const png = new PNG({ width: 32, height: 24 });
  for (let i = 0; i < png.data.length; i++) png.data[i] = i % 4 === 3 ? 255 : (5 * (i >> 2)) % 256;
  return PNG.sync.write(png, { colorType: 2 });
}
