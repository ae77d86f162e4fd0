/**
 * Times single frames on a device beside the CPU: node bench/gpu/main.mjs [--device webgpu] [--size 1920x804] [--frames 7]
 * [--runs 3] [--models models] [--budget 4096] -> JSON on standard output.
 *
 * A frame is synthetic: colour, albedo and normals with their variances; kernels are those of the model (21 x 21 at three levels).
 * `secondsPerFrame` is the median of the runs, of `frames` frames one after the other, each from its planes in memory to its
 * result in memory; the first run, which compiles, does not count. The CPU's first of these frames comes with it.
 */
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Denoiser } from '../../dist/denoise/denoiser.js';

const { values } = parseArgs({
  options: {
    device: { type: 'string', default: 'webgpu' },
    size: { type: 'string', default: '1920x804' },
    frames: { type: 'string', default: '7' },
    runs: { type: 'string', default: '3' },
    models: { type: 'string', default: fileURLToPath(new URL('../../models', import.meta.url)) },
    budget: { type: 'string', default: '4096' },
  },
});
const [width, height] = values.size.split('x').map(Number);
const [frames, runs] = [Number(values.frames), Number(values.runs)];

function frameOf(seed) {
  let state = seed + 1;
  const random = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
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

async function timed(run) {
  const start = performance.now();
  const result = await run();
  return { seconds: (performance.now() - start) / 1000, result };
}

const shot = Array.from({ length: frames }, (_, index) => frameOf(index));
const memoryBudgetBytes = Number(values.budget) * 2 ** 20;
const { seconds: loadSeconds, result: device } = await timed(() =>
  Denoiser.load({ modelsDirectory: values.models, device: values.device, memoryBudgetBytes }),
);
const all = async () => {
  let last;
  for (const frame of shot) last = await device.denoise(frame);
  return last;
};
const first = await timed(all);
const times = [];
for (let run = 0; run < runs; run++) times.push((await timed(all)).seconds / frames);
await device.close();

const host = await Denoiser.load({ modelsDirectory: values.models });
await host.denoise(shot[0]);
const cpu = await timed(() => host.denoise(shot[0]));
const onDevice = first.result;
const wanted = frames === 1 ? cpu.result : await host.denoise(shot[frames - 1]);
const difference = wanted.color.data.reduce(
  (most, value, i) => Math.max(most, Math.abs(value - onDevice.color.data[i])),
  0,
);
await host.close();

const secondsPerFrame = times.toSorted((a, b) => a - b)[Math.floor(runs / 2)];
const report = {
  ...{ device: onDevice.report.device, width, height, frames, runs, tiles: onDevice.report.tiles },
  ...{ loadSeconds, firstSecondsPerFrame: first.seconds / frames, secondsPerFrame },
  secondsOfAll: secondsPerFrame * frames,
  stages: onDevice.report.stages,
  cpu: { seconds: cpu.seconds, processors: cpus().length, model: cpus()[0]?.model },
  largestDifference: difference,
};
process.stdout.write(`${JSON.stringify(report, null, 2)}\n`);
