import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { FramePattern } from '../../../src/cli/sequence/frame-pattern.js';
import { framesToDo, sourcesOf } from '../../../src/cli/sequence/run-sequence.js';
import { ExrPool } from '../../../src/exr/pool.js';
import { exrFile } from '../../support/exr-files.js';

const pool = new ExrPool({ workers: 1 });
const folder = await mkdtemp(join(tmpdir(), 'quietframe-to-do-'));
afterAll(() => Promise.all([pool.close(), rm(folder, { recursive: true })]));

it('denoises frames again whose output is no OpenEXR file or was not denoised', async () => {
  const exr = exrFile([{ layers: ['RGB'] }], (_, i) => i);
  for (const frame of [1, 2]) await writeFile(join(folder, `in.${frame}.exr`), exr);
  await writeFile(join(folder, 'out.1.exr'), new Uint8Array(9));
  await writeFile(join(folder, 'out.2.exr'), exr);
  const [input, output] = ['in', 'out'].map(
    (name) => new FramePattern(join(folder, `${name}.#.exr`), name),
  ) as [FramePattern, FramePattern];
  const shot = { input, output, frames: [1, 2], chosen: [1, 2], window: 1, request: {} };
  expect(await framesToDo(shot, sourcesOf(shot, pool, 1), pool)).toEqual([1, 2]);
});
