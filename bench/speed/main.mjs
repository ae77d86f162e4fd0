/**
 * Times denoising one 1080p frame (colour, albedo, normal) against OIDN high and fast, side by side in one run; with it the
 * step of a window of seven frames to the next frame, and the same frame with another lambda.
 *
 *     npm run bench [-- --json] [--rounds 5] [--size 1920x1080]
 *
 * Every measurement is a process of its own that loads the same buffers, denoises once to warm up and once for the
 * record; contenders take turns. Prints medians and ratios to OIDN high and writes bench/speed/results/latest.json.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const here = fileURLToPath(new URL('.', import.meta.url));
const OIDN_VERSION = '2.5.1.0';

const { values: options } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    rounds: { type: 'string', default: '5' },
    size: { type: 'string', default: '1920x1080' },
  },
});
const rounds = Number(options.rounds);
const [width, height] = options.size.split('x').map(Number);
if (!(rounds >= 1 && width >= 16 && height >= 16)) {
  console.error('Expected --rounds of at least 1 and --size WIDTHxHEIGHT of at least 16x16');
  process.exit(2);
}
const say = (text) => (options.json ? console.error(text) : console.log(text));

/** A Python with OIDN in a virtual environment that is kept. */
function pythonWithOidn() {
  const folder = join(here, '..', '.venv');
  const python = join(folder, 'bin', 'python');
  const stamp = join(folder, `oidn-${OIDN_VERSION}`);
  if (!existsSync(stamp)) {
    say('Installing OIDN into bench/.venv');
    execFileSync('python3', ['-m', 'venv', folder], { stdio: ['ignore', 'ignore', 'inherit'] });
    execFileSync(python, ['-m', 'pip', 'install', '--quiet', 'numpy', `pyoidn==${OIDN_VERSION}`], {
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    writeFileSync(stamp, '');
  }
  return python;
}

/** Planar float32 buffers of a noisy picture with edges: colour 3, albedo 3, normal 3. */
function writeFrame(path) {
  const pixels = width * height;
  const data = new Float32Array(9 * pixels);
  let state = 12345;
  const random = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const p = y * width + x;
      const tile = ((x >> 6) + (y >> 6)) % 3;
      for (let c = 0; c < 3; c++) {
        const albedo = tile === c ? 0.8 : 0.25 + 0.1 * Math.sin(x * 0.2 + c);
        data[c * pixels + p] = albedo * (0.2 + 0.6 * (y / height)) * -Math.log(1 - random());
        data[(3 + c) * pixels + p] = albedo;
        data[(6 + c) * pixels + p] = tile === c ? 1 : 0;
      }
    }
  }
  writeFileSync(path, data);
}

const median = (values) => {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
};

const python = pythonWithOidn();
const folder = mkdtempSync(join(tmpdir(), 'quietframe-bench-'));
const frame = join(folder, 'frame.f32');
const size = [String(width), String(height)];
const contenders = {
  'oidn high': [python, [join(here, 'oidn.py'), frame, ...size, 'high']],
  'oidn fast': [python, [join(here, 'oidn.py'), frame, ...size, 'fast']],
  quietframe: [process.execPath, [join(here, 'quietframe.mjs'), frame, ...size, 'single']],
  'window step': [process.execPath, [join(here, 'quietframe.mjs'), frame, ...size, 'window']],
  'lambda change': [process.execPath, [join(here, 'quietframe.mjs'), frame, ...size, 'lambda']],
  preview: [process.execPath, [join(here, 'quietframe.mjs'), frame, ...size, 'preview']],
};
const runs = Object.fromEntries(Object.keys(contenders).map((name) => [name, []]));
try {
  writeFrame(frame);
  for (let round = 0; round < rounds; round++) {
    for (const [name, [command, args]] of Object.entries(contenders)) {
      const output = execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
      runs[name].push(JSON.parse(output));
      const { cpuSeconds, wallSeconds, peakBytes } = runs[name].at(-1);
      say(
        `round ${round + 1} ${name.padEnd(13)} ${cpuSeconds.toFixed(2)} CPU-s  ${wallSeconds.toFixed(2)} s  ${(peakBytes / 2 ** 20).toFixed(0)} MiB`,
      );
    }
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}

const reference = runs['oidn high'];
const results = Object.fromEntries(
  Object.entries(runs).map(([name, list]) => [
    name,
    {
      cpuSeconds: median(list.map((run) => run.cpuSeconds)),
      wallSeconds: median(list.map((run) => run.wallSeconds)),
      peakMiB: Math.round(median(list.map((run) => run.peakBytes)) / 2 ** 20),
      cpuRatioToOidnHigh: median(list.map((run, i) => run.cpuSeconds / reference[i].cpuSeconds)),
      wallRatioToOidnHigh: median(list.map((run, i) => run.wallSeconds / reference[i].wallSeconds)),
      detail: list[0].detail,
    },
  ]),
);
const report = {
  date: new Date().toISOString().slice(0, 10),
  machine: {
    processor: cpus()[0]?.model ?? 'unknown',
    threads: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
  },
  versions: { node: process.version, oidn: OIDN_VERSION },
  frame: { width, height },
  rounds,
  results,
};
mkdirSync(join(here, 'results'), { recursive: true });
writeFileSync(join(here, 'results', 'latest.json'), `${JSON.stringify(report, null, 2)}\n`);
if (options.json) {
  console.log(JSON.stringify(report));
} else {
  console.log(`\n${width}x${height}, medians of ${rounds} rounds\n`);
  console.log('| method | CPU s | x OIDN high | wall s | peak MiB |\n|---|---|---|---|---|');
  for (const [name, r] of Object.entries(results)) {
    console.log(
      `| ${name} | ${r.cpuSeconds.toFixed(2)} | ${r.cpuRatioToOidnHigh.toFixed(2)} | ${r.wallSeconds.toFixed(2)} | ${r.peakMiB} |`,
    );
  }
}
