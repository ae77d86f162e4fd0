import { mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it, vi } from 'vitest';
import { watchFiles } from '../../src/io/watch-files.js';

const folder = await mkdtemp(join(tmpdir(), 'quietframe-watch-'));
afterAll(() => rm(folder, { recursive: true }));

async function replace(file: string, text: string): Promise<void> {
  await writeFile(`${file}.new`, text);
  await rename(`${file}.new`, file);
}

it('reads what replaced a file between its first read and the first look at it', async () => {
  const file = join(folder, 'tokens');
  await writeFile(file, 'first');
  let known = await readFile(file, 'utf8');
  await replace(file, 'second');
  const end = new AbortController();
  const watching = watchFiles(
    [file],
    async () => {
      known = await readFile(file, 'utf8');
    },
    end.signal,
    10,
  );
  await vi.waitFor(() => expect(known).toBe('second'));
  end.abort();
  await watching;
});

it('reads again what is replaced while it is being read, one read at a time', async () => {
  const file = join(folder, 'certificate');
  await writeFile(file, '0');
  const seen: string[] = [];
  let reading = 0;
  const end = new AbortController();
  const watching = watchFiles(
    [file, join(folder, 'none')],
    async () => {
      expect(++reading).toBe(1);
      const text = await readFile(file, 'utf8');
      if (Number(text) < 3) await replace(file, String(Number(text) + 1));
      seen.push(text);
      reading--;
    },
    end.signal,
    1,
  );
  await vi.waitFor(() => expect(seen).toEqual(['0', '1', '2', '3']));
  end.abort();
  await watching;
});

it('looks no more once it was told to end', async () => {
  const file = join(folder, 'ended');
  await writeFile(file, '0');
  const onChange = vi.fn(async () => {});
  await watchFiles([file], onChange, AbortSignal.abort(), 1);
  expect(onChange).not.toHaveBeenCalled();
});
