/**
 * Table 1 of Wronski 2021 on a folder of PNG photographs: non-local means with the best signal sigma for each picture,
 * with sigmas predicted by the shipped network, and with an oracle that knows the clean picture.
 *
 *     npm run -s bench:pkn -- DIR [--out FILE]
 *
 * Prints a JSON array of { sigma, global, predicted, oracle }: the noise's standard deviation and mean PSNR in dB over
 * the pictures. Noise is white and Gaussian, the same in every run; nothing is clipped.
 */
import { writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { Worker } from 'node:worker_threads';
import { pngFiles } from './photographs.mjs';

const SIGMAS = [0.025, 0.05, 0.1, 0.2];

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: { out: { type: 'string' } },
});
const files = pngFiles(positionals[0]);
if (files.length === 0) {
  console.error('Expected a folder with PNG photographs: npm run -s bench:pkn -- DIR [--out FILE]');
  process.exit(2);
}

const jobs = files.flatMap((file) => SIGMAS.map((sigma) => ({ file, sigma })));
const results = [];
const lane = () =>
  new Promise((resolve, reject) => {
    const worker = new Worker(new URL('./worker.mjs', import.meta.url));
    const next = () => {
      const job = jobs.shift();
      if (job === undefined) worker.terminate().then(resolve);
      else worker.postMessage(job);
    };
    worker.on('message', (result) => {
      results.push(result);
      next();
    });
    worker.on('error', reject);
    next();
  });
await Promise.all(Array.from({ length: Math.min(availableParallelism(), jobs.length) }, lane));

const mean = (list, key) => {
  const sum = list.reduce((total, result) => total + result[key], 0);
  return Math.round((1000 * sum) / list.length) / 1000;
};
const table = SIGMAS.map((sigma) => {
  const list = results.filter((result) => result.sigma === sigma);
  return {
    sigma,
    global: mean(list, 'global'),
    predicted: mean(list, 'predicted'),
    oracle: mean(list, 'oracle'),
  };
});
const text = JSON.stringify(table, null, 2);
console.log(text);
if (options.out !== undefined) writeFileSync(options.out, `${text}\n`);
