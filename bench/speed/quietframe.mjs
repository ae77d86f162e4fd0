/**
 * One measurement of quietframe: FRAME WIDTH HEIGHT [single|preview|window|lambda] -> JSON.
 *
 * single: a frame, preview: its preview; the second of two runs counts. window: the step of a window of seven frames, which moves by two pixels a
 * frame, to its next frame, six frames' features being there. lambda: a frame again with another lambda.
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Denoiser } from '../../dist/denoise/denoiser.js';
import { estimateVariance } from '../../dist/frame/variance.js';
import { raster } from '../../dist/image/raster.js';

const [path, columns, rows, mode = 'single'] = process.argv.slice(2);
const [width, height] = [Number(columns), Number(rows)];
const bytes = readFileSync(path);
const data = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);

/** Three planes of the frame, moved to the left by some pixels. */
function layer(index, shift) {
  const size = 3 * width * height;
  const moved = raster(width, height, 3, data.slice(index * size, (index + 1) * size));
  if (shift > 0) moved.data.copyWithin(0, shift);
  return moved;
}

function frameAt(index) {
  const shift = 2 * index;
  const color = layer(0, shift);
  return {
    width,
    height,
    source: 'generic',
    color,
    colorVariance: estimateVariance(color),
    varianceOrigin: 'estimated',
    albedo: layer(1, shift),
    normal: layer(2, shift),
  };
}

function requestAt(frames, index) {
  const neighbors = [-3, -2, -1, 1, 2, 3].map((offset) => {
    const motion = raster(width, height, 2);
    motion.data.fill(-2 * offset, 0, width * height);
    return { offset, frame: frames[index + offset], motion, key: `frame ${index + offset}` };
  });
  return { neighbors, key: `frame ${index}` };
}

const denoiser = await Denoiser.load({
  modelsDirectory: fileURLToPath(new URL('../../models', import.meta.url)),
  featureCacheBytes: mode === 'window' || mode === 'lambda' ? 4 * 2 ** 30 : 0,
});
const frames = Array.from({ length: mode === 'window' ? 8 : 1 }, (_, index) => frameAt(index));
const runs = {
  single: [
    [frames[0], {}],
    [frames[0], {}],
  ],
  preview: [
    [frames[0], { model: 'pkn' }],
    [frames[0], { model: 'pkn' }],
  ],
  window: [3, 4].map((index) => [frames[index], mode === 'window' ? requestAt(frames, index) : {}]),
  lambda: [
    [frames[0], { key: 'frame 0' }],
    [frames[0], { key: 'frame 0', lambda: 3 }],
  ],
}[mode];
let measured;
for (const [frame, request] of runs) {
  const cpu = process.cpuUsage();
  const start = performance.now();
  const { report } = await denoiser.denoise(frame, request);
  const used = process.cpuUsage(cpu);
  measured = {
    cpuSeconds: (used.user + used.system) / 1e6,
    wallSeconds: (performance.now() - start) / 1e3,
    detail: report,
  };
}
await denoiser.close();
console.log(JSON.stringify({ ...measured, peakBytes: process.resourceUsage().maxRSS * 1024 }));
