import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { readHeader } from '../../src/exr/header.js';
import { bandBytes, TRANSIENT_BANDS } from '../../src/exr/line-reader.js';
import { writeExr } from '../../src/exr/write-exr.js';
import type { Plane } from '../../src/image/image.js';

const WIDTH = 32;
const HEIGHT = 1024;
const CHANNELS = 1024;

/** A small file of many channels that hold nothing. */
function zeros(): Uint8Array {
  const data = new Float32Array(WIDTH * HEIGHT);
  const names = Array.from({ length: CHANNELS }, (_, i) => `c${i}`);
  const planes = new Map(names.map((name): [string, Plane] => [name, { name, type: 'float', data }]));
  const window = { xMin: 0, yMin: 0, xMax: WIDTH - 1, yMax: HEIGHT - 1 };
  const windows = { dataWindow: window, displayWindow: window };
  return writeExr({ parts: [{ name: '', view: undefined, attributes: new Map(), ...windows, planes }] });
}

/** Replaces a channel in a process of its own, whose most memory the system knows. */
const SCRIPT = `
const { readFileSync } = await import('node:fs');
const { readHeader } = await import('./dist/exr/header.js');
const { replaceChannels } = await import('./dist/exr/replace-channels.js');
const file = new Uint8Array(readFileSync(process.argv[1]));
const header = readHeader(file);
const data = new Float32Array(${WIDTH * HEIGHT}).fill(1);
const most = () => 1024 * process.resourceUsage().maxRSS;
const before = most();
const out = replaceChannels(file, header, new Map([[0, new Map([['c0', data]])]]));
process.stdout.write(JSON.stringify({ grown: most() - before, out: out.length }));
`;

/** Bytes of arrays beyond which Node collects those that nobody uses. */
const SLACK = 64 * 2 ** 20;

it('holds a row of chunks of 1024 channels at a time', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'quietframe-'));
  try {
    const file = zeros();
    const path = join(folder, 'zeros.exr');
    await writeFile(path, file);
    const run = promisify(execFile);
    const { stdout } = await run(process.execPath, ['--input-type=module', '--eval', SCRIPT, path], {
      cwd: new URL('../..', import.meta.url),
    });
    const { grown, out } = JSON.parse(stdout) as { grown: number; out: number };
    const [part] = readHeader(file).parts;
    if (part === undefined) throw new Error('no part');
    const bound = TRANSIENT_BANDS * bandBytes(part) + 2 * out + SLACK;
    expect(bound).toBeLessThan(0.8 * 4 * WIDTH * HEIGHT * CHANNELS);
    expect(grown).toBeLessThan(bound);
  } finally {
    await rm(folder, { recursive: true });
  }
});
