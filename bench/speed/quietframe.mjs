/** One measurement of quietframe: FRAME WIDTH HEIGHT [MODEL] -> JSON. The second of two runs counts. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Denoiser } from '../../dist/denoise/denoiser.js';
import { estimateVariance } from '../../dist/frame/variance.js';
import { raster } from '../../dist/image/raster.js';

const [path, columns, rows, model] = process.argv.slice(2);
const [width, height] = [Number(columns), Number(rows)];
const bytes = readFileSync(path);
const data = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
const layer = (index) =>
  raster(width, height, 3, data.slice(index * 3 * width * height, (index + 1) * 3 * width * height));

const denoiser = await Denoiser.load({
  modelsDirectory: fileURLToPath(new URL('../../models', import.meta.url)),
});
const color = layer(0);
const frame = {
  width,
  height,
  source: 'generic',
  color,
  colorVariance: estimateVariance(color),
  varianceOrigin: 'estimated',
  albedo: layer(1),
  normal: layer(2),
};
let measured;
for (let run = 0; run < 2; run++) {
  const cpu = process.cpuUsage();
  const start = performance.now();
  const { report } = await denoiser.denoise(frame, { model });
  const used = process.cpuUsage(cpu);
  measured = {
    cpuSeconds: (used.user + used.system) / 1e6,
    wallSeconds: (performance.now() - start) / 1e3,
    detail: report,
  };
}
await denoiser.close();
console.log(JSON.stringify({ ...measured, peakBytes: process.resourceUsage().maxRSS * 1024 }));
