import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PNG } from 'pngjs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const BENCH = fileURLToPath(new URL('../../bench/pkn/main.mjs', import.meta.url));

describe('bench:pkn', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'quietframe-bench-pkn-'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  it('prints Table 1 of a folder of photographs', () => {
    const png = new PNG({ width: 45, height: 31 });
    for (let i = 0; i < 45 * 31; i++) {
      const [x, y] = [i % 45, Math.floor(i / 45)];
      const value = x < 22 ? 60 + 2 * y : 120 + 80 * Math.sin(x * y);
      png.data.set([value, 255 - value, value / 2, 255], 4 * i);
    }
    writeFileSync(join(folder, 'a.png'), PNG.sync.write(png));
    const table = JSON.parse(execFileSync(process.execPath, [BENCH, folder], { encoding: 'utf8' }));
    expect(table.map(({ sigma }: { sigma: number }) => sigma)).toEqual([0.025, 0.05, 0.1, 0.2]);
    for (const { sigma, global, predicted, oracle } of table) {
      const noisy = -20 * Math.log10(sigma);
      // The oracle knows the clean picture; the best single sigma is never worse than no filter.
      expect(oracle).toBeGreaterThan(global);
      expect(oracle).toBeGreaterThan(predicted);
      expect(global).toBeGreaterThan(noisy - 0.3);
      expect(predicted).toBeGreaterThan(noisy);
    }
  });

  it('asks for a folder with photographs', () => {
    rmSync(join(folder, 'a.png'));
    for (const parameters of [[], [folder]]) {
      const { status, stdout, stderr } = spawnSync(process.execPath, [BENCH, ...parameters], {
        encoding: 'utf8',
      });
      expect([status, stdout]).toEqual([2, '']);
      expect(stderr).toContain('folder with PNG photographs');
    }
  });
});
