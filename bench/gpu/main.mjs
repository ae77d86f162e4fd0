/**
 * Times a device beside the CPU: node bench/gpu/main.mjs [--device webgpu] [--size 1920x804] [--window 7] [--runs 3]
 * [--models models] [--budget 4096] -> JSON on standard output.
 *
 * Frames are synthetic: colour, albedo and normals with their variances, moved by parts of pixels; kernels are those of the model (21 x 21
 * at three levels). All times are from planes in memory to the result in memory, in seconds: medians of the runs, or of the
 * CPU one; the first run, which compiles, does not count.
 *
 * - `single`: a frame alone.
 * - `fullWindow`: a window of which nothing is kept, each of its frames by its own kernels and all joined.
 * - `nextFrame`: the window of the next frame of a sequence, of which one frame is new.
 */
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Denoiser } from '../../dist/denoise/denoiser.js';

const { values } = parseArgs({
  options: {
    device: { type: 'string', default: 'webgpu' },
    size: { type: 'string', default: '1920x804' },
    window: { type: 'string', default: '7' },
    runs: { type: 'string', default: '3' },
    models: { type: 'string', default: fileURLToPath(new URL('../../models', import.meta.url)) },
    budget: { type: 'string', default: '4096' },
  },
});
const [width, height] = values.size.split('x').map(Number);
const [window, runs] = [Number(values.window), Number(values.runs)];
if (![3, 5, 7].includes(window))
  throw new RangeError(`Expected 3, 5 or 7 for --window but received ${window}`);
const reach = (window - 1) / 2;

function numbersFrom(seed) {
  let state = seed + 1;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

function frameOf(seed) {
  const random = numbersFrom(seed);
  const plane = (channels, scale) => ({
    ...{ width, height, channels },
    data: Float32Array.from({ length: width * height * channels }, () => scale * random()),
  });
  return {
    ...{ width, height, source: 'cycles', varianceOrigin: 'half-buffers' },
    ...{ color: plane(3, 2), colorVariance: plane(1, 0.2) },
    ...{ albedo: plane(3, 0.5), albedoVariance: plane(1, 0.01) },
    ...{ normal: plane(3, 0.5), normalVariance: plane(1, 0.01) },
  };
}

/** Motion that differs from pixel to pixel as that of a moving camera does. */
function motionOf(offset) {
  const data = Float32Array.from({ length: 2 * width * height }, (_, i) => {
    const [x, y] = [i % width, Math.floor(i / width) % height];
    return offset * (2.3 + x / width - y / height);
  });
  return { width, height, channels: 2, data };
}

const shot = Array.from({ length: window + runs + 1 }, (_, index) => frameOf(index));
const motions = new Map();
for (let offset = -reach; offset <= reach; offset++) motions.set(offset, motionOf(offset));

/** The window of frame `center`; with keys what is made of its frames is kept. */
function windowOf(center, keyed) {
  const key = (n) => (keyed ? { key: `frame ${n}` } : {});
  const neighbors = [];
  for (let offset = -reach; offset <= reach; offset++) {
    if (offset === 0) continue;
    const n = center + offset;
    neighbors.push({ offset, frame: shot[n], motion: motions.get(offset), ...key(n) });
  }
  return [shot[center], { neighbors, ...key(center) }];
}

async function timed(run) {
  const start = performance.now();
  const result = await run();
  return { seconds: (performance.now() - start) / 1000, result };
}

const median = (times) => times.toSorted((a, b) => a - b)[Math.floor(times.length / 2)];

/** Times of single frames, full windows and steps, and what the first runs gave. */
async function measure(denoiser, times) {
  const repeated = async (run) => {
    const first = await timed(() => run(0));
    const seconds = [];
    let last = first;
    for (let n = 0; n < times; n++) {
      last = await timed(() => run(n + 1));
      seconds.push(last.seconds);
    }
    const { tiles, stages, device } = last.result.report;
    return {
      result: first.result,
      times: { firstSeconds: first.seconds, seconds: median(seconds), tiles, stages, device },
    };
  };
  const single = await repeated(() => denoiser.denoise(shot[reach]));
  const fullWindow = await repeated(() => denoiser.denoise(...windowOf(reach, false)));
  const nextFrame = await repeated((n) => denoiser.denoise(...windowOf(reach + n, true)));
  return { single, fullWindow, nextFrame };
}

const options = { modelsDirectory: values.models, featureCacheBytes: 2 ** 34 };
const memoryBudgetBytes = Number(values.budget) * 2 ** 20;
const { seconds: loadSeconds, result: device } = await timed(() =>
  Denoiser.load({ ...options, device: values.device, memoryBudgetBytes }),
);
const onDevice = await measure(device, runs);
await device.close();
const host = await Denoiser.load(options);
const onHost = await measure(host, 1);
await host.close();

function largestDifference(kind) {
  const [a, b] = [onDevice[kind].result.color.data, onHost[kind].result.color.data];
  return a.reduce((most, value, i) => Math.max(most, Math.abs(value - b[i])), 0);
}

const kinds = ['single', 'fullWindow', 'nextFrame'];
const report = {
  ...{ device: onDevice.fullWindow.times.device, width, height, window, runs, loadSeconds },
  ...Object.fromEntries(kinds.map((kind) => [kind, onDevice[kind].times])),
  cpu: {
    ...{ processors: cpus().length, model: cpus()[0]?.model },
    ...Object.fromEntries(kinds.map((kind) => [kind, onHost[kind].times.seconds])),
  },
  largestDifference: Object.fromEntries(kinds.map((kind) => [kind, largestDifference(kind)])),
};
process.stdout.write(`${JSON.stringify(report, null, 2)}\n`);
