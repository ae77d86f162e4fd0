import { parentPort, workerData } from 'node:worker_threads';
import { PNG } from 'pngjs';
import type { Raster } from '../image/raster.js';
import { displayExposure, toneMap } from '../image/tonemap.js';

const color = workerData as Raster;
const png = new PNG({ width: color.width, height: color.height });
png.data = Buffer.from(toneMap(color, displayExposure(color)).buffer);
const bytes = new Uint8Array(PNG.sync.write(png, { colorType: 2 }));
parentPort?.postMessage(bytes, [bytes.buffer]);
