/** Runs the engine with each native package, as its users have it; the folder of the packages as an argument. */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const [packages] = process.argv.slice(2);
const local = (path) => fileURLToPath(new URL(path, import.meta.url));
const MAIN = local('../../dist/cli/main.js');
const FRAME = local('../../examples/window/frame.0004.exr');
const folder = mkdtempSync(join(tmpdir(), 'quietframe-tfjs-node-'));

/** Packages as if only those of the names were installed, besides what they need. */
function only(...names) {
  const to = join(folder, names.join('+') || 'none');
  mkdirSync(join(to, '@tensorflow'), { recursive: true });
  for (const name of names) symlinkSync(join(packages, '@tensorflow', name), join(to, '@tensorflow', name));
  return to;
}

/** The environment of a user that has these packages; the stand-in is loaded in worker threads, too. */
function environment(found, standIn = true) {
  const { NODE_OPTIONS: _, ...env } = process.env;
  const options = standIn ? { NODE_OPTIONS: `--require ${local('load-stand-in.cjs')}` } : {};
  return { ...env, ...options, NODE_PATH: found };
}

function denoise(engine, output, env) {
  const args = [
    MAIN,
    'denoise',
    FRAME,
    '-o',
    join(folder, output),
    '--region',
    '0,0,48,32',
    '--threads',
    '1',
  ];
  return spawnSync(process.execPath, [...args, '--engine', engine, '--report', '-'], {
    env,
    encoding: 'utf8',
  });
}

/** Mean SMAPE of two results. */
function difference(a, b) {
  const args = [MAIN, 'compare', join(folder, a), join(folder, b), '--json'];
  return JSON.parse(execFileSync(process.execPath, args, { encoding: 'utf8' })).smape;
}

try {
  const { status, stderr } = denoise('onnx', 'onnx.exr', process.env);
  assert.equal(status, 0, stderr);
  for (const name of ['tfjs-node', 'tfjs-node-gpu']) {
    console.log(name);
    const found = only(name);
    execFileSync(process.execPath, [local('compare.mjs')], { env: environment(found), stdio: 'inherit' });
    const { status, stdout, stderr } = denoise('tfjs', `${name}.exr`, environment(found));
    assert.equal(status, 0, stderr);
    assert.equal(JSON.parse(stdout).executionProvider, 'tfjs-tensorflow');
    const smape = difference(`${name}.exr`, 'onnx.exr');
    assert.ok(smape < 1e-5, `SMAPE ${smape}`);
    console.log(`${name} denoises a frame as ONNX Runtime, SMAPE ${smape}`);
  }
  // A library that is missing or damaged is an error, not a slower backend that nobody asked for.
  const broken = denoise('tfjs', 'broken.exr', environment(only('tfjs-node', 'tfjs-node-gpu'), false));
  assert.notEqual(broken.status, 0);
  assert.match(broken.stderr, /for engine tfjs but received "one that does not start"/);
  console.log('a library that does not load is an error');
} finally {
  rmSync(folder, { recursive: true });
}
