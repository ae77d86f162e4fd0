import { spawnSync } from 'node:child_process';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';

const SCRIPT = fileURLToPath(new URL('../scripts/audit.sh', import.meta.url));
const folder = await mkdtemp(join(tmpdir(), 'quietframe-audit-'));
afterAll(() => rm(folder, { recursive: true }));

/** Runs the script with a registry that answers so. */
async function audit(answer: string, status: number, ...args: readonly string[]) {
  const npm = join(folder, 'npm');
  await writeFile(npm, `#!/bin/sh\ncat <<'END'\n${answer}\nEND\nexit ${status}\n`);
  await chmod(npm, 0o755);
  const env = { ...process.env, PATH: `${folder}${delimiter}${process.env.PATH}` };
  return spawnSync('bash', [SCRIPT, ...args], { env, encoding: 'utf8' });
}

const report = (high: number): string => JSON.stringify({ metadata: { vulnerabilities: { high } } });

describe.skipIf(process.platform === 'win32')('the audit of the dependencies', () => {
  it('passes without known weaknesses, and fails with them', async () => {
    expect((await audit(report(0), 0)).status).toBe(0);
    const found = await audit(report(2), 1, '--allow-unanswered');
    expect([found.status, found.stdout]).toEqual([1, expect.stringContaining('{"high":2}')]);
  });

  it.each(['', '{"error": {"code": "ENOTFOUND"}}', '<html>'])(
    'fails where the registry answers %j, unless that is allowed',
    async (answer) => {
      const strict = await audit(answer, 1);
      expect(strict.status).toBe(1);
      expect(strict.stderr).toContain('DEPENDENCIES WERE NOT AUDITED');
      const allowed = await audit(answer, 1, '--allow-unanswered');
      expect([allowed.status, allowed.stderr]).toEqual([0, strict.stderr]);
    },
  );

  it('refuses other arguments', async () => {
    expect((await audit(report(0), 0, '--allow')).status).toBe(2);
  });
});
