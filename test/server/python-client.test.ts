import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, expect, it } from 'vitest';
import { makeExr } from '../support/exr-files.js';
import { fakeApp, listen } from './support.js';

const local = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const folder = await mkdtemp(join(tmpdir(), 'quietframe-python-'));
afterAll(() => rm(folder, { recursive: true }));

it('does everything that the Python client asks for', { timeout: 60_000 }, async () => {
  const { app } = await fakeApp();
  app.context.lifecycle.ready();
  const origin = `http://127.0.0.1:${await listen(app)}`;
  const paths = await Promise.all(
    [1, 2, 3].map(async (frame) => {
      const path = join(folder, `${frame}.exr`);
      await writeFile(path, makeExr({ value: (index) => frame + index / 100 }));
      return path;
    }),
  );
  const env = { ...process.env, PYTHONPATH: local('../../clients/python'), PYTHONDONTWRITEBYTECODE: '1' };
  const ran = promisify(execFile)(
    process.env.PYTHON ?? 'python3',
    [local('python-client.py'), origin, ...paths],
    { env },
  );
  expect((await ran).stderr).toBe('');
});
