// Called by `rez-build --install`: copies what runs from the checkout around this folder, and installs its dependencies beside it
// with npm. The checkout has to be built (npm ci && npm run build).
import { execFileSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const checkout = fileURLToPath(new URL('../..', import.meta.url));
const target = process.env.REZ_BUILD_INSTALL_PATH;

if (process.argv[2] === 'install') {
  if (target === undefined) throw new Error('Run rez-build --install instead of this script');
  if (!existsSync(join(checkout, 'dist/cli/main.js'))) throw new Error('Run npm ci && npm run build first');
  for (const name of ['bin', 'app']) rmSync(join(target, name), { recursive: true, force: true });
  const app = join(target, 'app');
  for (const name of [
    'dist',
    'models',
    'plugins/usd',
    'proto',
    'package.json',
    'package-lock.json',
    '.npmrc',
    'LICENSE',
  ]) {
    cpSync(join(checkout, name), join(app, name), { recursive: true });
  }
  execFileSync('npm', ['ci', '--omit=dev', '--prefer-offline', '--no-audit', '--no-fund'], {
    cwd: app,
    stdio: 'inherit',
  });
  const program = join(target, 'bin/quietframe');
  mkdirSync(join(target, 'bin'));
  writeFileSync(
    program,
    '#!/bin/sh\nexec node "$(dirname "$(readlink -f "$0")")/../app/dist/cli/main.js" "$@"\n',
  );
  chmodSync(program, 0o755);
}
