/**
 * How many replicas a shot and a farm take, by simulation.
 *
 *     npm run -s bench:scale
 *
 * Calibrated by bench/speed/results/latest.json (processor seconds of a frame), by the processor seconds of the
 * codec, measured here, and by bench/load/results/latest.json (bytes of files). Writes bench/scale/results/latest.json and prints the tables of docs/scale.md.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { readHeader } from '../../dist/exr/header.js';
import { readExr } from '../../dist/exr/read-exr.js';
import { replaceChannels } from '../../dist/exr/replace-channels.js';
import { writeExr } from '../../dist/exr/write-exr.js';
import { randomNumbers, simulate } from './simulation.mjs';

const here = new URL('.', import.meta.url);
const read = (path) => JSON.parse(readFileSync(new URL(path, here), 'utf8'));
const speed = read('../speed/results/latest.json');
const load = read('../load/results/latest.json');

const HD = 1920 * 1080;
const UHD = 3840 * 2160;
const GIB = 2 ** 30;

/** Processor seconds of a pixel in the denoiser, and in the codec around it, of which each file has one thread. */
const { frame, results } = speed;
const cpuPerPixel = results.quietframe.cpuSeconds / (frame.width * frame.height);
const { large } = load;
const aroundPerPixel = codecSeconds(frame.width, frame.height) / (frame.width * frame.height);

/** Processor seconds that it takes to read a file of noise with albedo and normals, and to write its colour anew. */
function codecSeconds(width, height) {
  const random = randomNumbers(1);
  const window = { xMin: 0, yMin: 0, xMax: width - 1, yMax: height - 1 };
  const names = ['B', 'G', 'R', 'albedo.B', 'albedo.G', 'albedo.R', 'normal.X', 'normal.Y', 'normal.Z'];
  const planes = new Map(
    names.map((name) => [
      name,
      { name, type: 'half', data: Float32Array.from({ length: width * height }, random) },
    ]),
  );
  const exr = writeExr({
    parts: [{ name: '', dataWindow: window, displayWindow: window, attributes: new Map(), planes }],
  });
  const from = process.cpuUsage();
  const image = readExr(exr);
  const color = new Map(['B', 'G', 'R'].map((name) => [name, image.parts[0].planes.get(name).data]));
  replaceChannels(exr, readHeader(exr), new Map([[0, color]]), {});
  const { user, system } = process.cpuUsage(from);
  return (user + system) / 1e6;
}

const bytesPerPixel = large.exrBytes / (large.width * large.height);
/** Of more threads than the two that were measured: tiles leave some idle at the end of each level. */
const EFFICIENCY = 0.9;
const compute = (cores) => (pixels) =>
  (pixels * cpuPerPixel) / (cores * EFFICIENCY) + pixels * aroundPerPixel;

/** The formula of docs/memory.md for a window of 7 frames with albedo and normals, the tiles, and the process. */
const memory = (pixels, window) =>
  (window + 1) * pixels * bytesPerPixel +
  4 * pixels * (2 * window * 9 + (4 / 3) * 21 + 12) +
  GIB / 2 +
  GIB / 4;

const common = {
  bytesPerSecond: 10e9 / 8,
  window: 7,
  missRate: 0.1,
  lossesPerHour: 1 / 24,
  startSeconds: 60,
  seed: 1,
};
const round = (value, digits = 0) => Math.round(value * 10 ** digits) / 10 ** digits;

/** Fewest replicas that have a shot done in time in all of five runs. */
function fewest(arrivals, limit, options) {
  let [low, high] = [0, 1];
  const inTime = (replicas) => {
    for (let seed = 1; seed <= 5; seed++) {
      if (simulate({ ...common, ...options, arrivals, replicas, seed }).seconds > limit) return false;
    }
    return true;
  };
  while (!inTime(high)) [low, high] = [high, 2 * high];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (inTime(middle)) high = middle;
    else low = middle;
  }
  return high;
}

const shot = Array.from({ length: 2000 }, () => ({ at: 0, pixels: UHD, bytes: UHD * bytesPerPixel }));
const shots = [4, 8, 16, 32].map((cores) => {
  const replicas = fewest(shot, 3600, { compute: compute(cores) });
  const gibibytes = memory(UHD, common.window) / GIB;
  const { seconds, utilisation, lost } = simulate({
    ...common,
    compute: compute(cores),
    arrivals: shot,
    replicas,
  });
  return {
    cores,
    frameSeconds: compute(cores)(UHD),
    replicas,
    totalCores: cores * replicas,
    gibibytesEach: gibibytes,
    gibibytes: gibibytes * replicas,
    minutes: seconds / 60,
    utilisation,
    lost,
  };
});

/** Frames that a replica takes at once, like a pod of the chart's Indexed Job. */
const CHUNK = 10;

/** A day of a farm: shots of 100 frames, one in five UHD, four in five HD; half of them in the six hours of the evening. */
function farmArrivals() {
  const random = randomNumbers(42);
  const arrivals = [];
  for (let i = 0; i < 10_000; i++) {
    const evening = random() < 0.5;
    const begin = 3600 * (evening ? 18 + 6 * random() : 24 * random());
    const pixels = random() < 0.2 ? UHD : HD;
    // A shot comes as the renderer finishes its frames: over ten minutes.
    for (let f = 0; f < 100; f += CHUNK) {
      arrivals.push({ at: begin + 6 * f, pixels: CHUNK * pixels, bytes: CHUNK * pixels * bytesPerPixel });
    }
  }
  return arrivals.sort((a, b) => a.at - b.at);
}

const CORES = 4;
const arrivals = farmArrivals();
const work = arrivals.reduce((sum, { pixels }) => sum + compute(CORES)(pixels), 0);
const mean = Math.ceil(work / 86_400);
const scaling = { least: mean, most: 6 * mean, target: 4, everySeconds: 15, downAfterSeconds: 300 };
const farms = [
  ['fixed at the mean', { replicas: mean }],
  ['fixed at twice the mean', { replicas: 2 * mean }],
  ['fixed at three times the mean', { replicas: 3 * mean }],
  ['scaled, 60 s to start', { replicas: mean, scaling }],
  ['scaled, 300 s to start', { replicas: mean, scaling, startSeconds: 300 }],
  ['scaled, a replica lost every hour', { replicas: mean, scaling, lossesPerHour: 1 }],
  ['scaled, every window sent whole', { replicas: mean, scaling, missRate: 1 }],
  ['scaled, whole windows on 1 Gbit/s', { replicas: mean, scaling, missRate: 1, bytesPerSecond: 1e9 / 8 }],
].map(([name, options]) => {
  const result = simulate({ ...common, compute: compute(CORES), arrivals, ...options });
  return { name, ...result, gibibytesPerSecond: result.sentBytes / GIB / Math.max(86_400, result.seconds) };
});

const record = {
  calibration: {
    cpuSecondsPerMegapixel: cpuPerPixel * 1e6,
    secondsAroundPerMegapixel: aroundPerPixel * 1e6,
    bytesPerPixel,
    efficiency: EFFICIENCY,
    from: { speed: speed.date, load: load.date },
  },
  common,
  shots,
  farm: { cores: CORES, chunk: CHUNK, frames: CHUNK * arrivals.length, meanReplicas: mean, results: farms },
};
mkdirSync(new URL('results/', here), { recursive: true });
writeFileSync(fileURLToPath(new URL('results/latest.json', here)), `${JSON.stringify(record, null, 2)}\n`);

const table = (rows) => console.log(`${rows.map((cells) => `| ${cells.join(' | ')} |`).join('\n')}\n`);
table([
  ['cores each', 's a frame', 'replicas', 'cores', 'GiB each', 'GiB', 'minutes', 'busy'],
  Array(8).fill('---'),
  ...shots.map((each) => [
    each.cores,
    round(each.frameSeconds, 1),
    each.replicas,
    each.totalCores,
    round(each.gibibytesEach, 1),
    round(each.gibibytes),
    round(each.minutes, 1),
    `${round(100 * each.utilisation)} %`,
  ]),
]);
table([
  [
    'farm',
    'most replicas',
    'replica hours',
    'busy',
    'wait p50 s',
    'wait p99 s',
    'longest line',
    'done again',
    'GiB/s, mean',
  ],
  Array(9).fill('---'),
  ...farms.map((each) => [
    each.name,
    each.peakReplicas,
    round(each.replicaHours),
    `${round(100 * each.utilisation)} %`,
    round(each.wait.p50, 1),
    round(each.wait.p99, 1),
    each.peakLine,
    each.lost,
    round(each.gibibytesPerSecond, 2),
  ]),
]);
