/** One picture at one noise level; see main.mjs. */
import { fileURLToPath } from 'node:url';
import { parentPort } from 'node:worker_threads';
import { raster } from '../../dist/image/raster.js';
import { PknNetwork } from '../../dist/pkn/network.js';
import { nonLocalMeans } from '../../dist/pkn/non-local-means.js';
import { constantMap } from '../../dist/pkn/parameter-map.js';
import { Oracle } from './oracle.mjs';
import { normalNumbers, readPlanes, squaredError } from './photographs.mjs';

const FILTER = 'non-local-means';
const MAX_MULTIPLIER = 4;
/** Multipliers at which a picture is filtered: 0, 1/4, ... 4. */
const STEPS = 16;

const folder = fileURLToPath(new URL('../../models/pkn/1', import.meta.url));
const network = await PknNetwork.open(folder);

/** The sum over the planes of the squared error with one multiplier everywhere. */
function globalError(noisy, clean, noiseSigma, multiplier) {
  return noisy.reduce((sum, picture, c) => {
    const map = constantMap(FILTER, { multiplier }, picture.width, picture.height);
    return sum + squaredError(nonLocalMeans(picture, map, { noiseSigma }), clean[c]);
  }, 0);
}

/** The least value of a function with one minimum in [low, high], by golden section. */
function minimum(evaluate, low, high, rounds = 10) {
  const ratio = (Math.sqrt(5) - 1) / 2;
  let [a, b] = [high - ratio * (high - low), low + ratio * (high - low)];
  let [atA, atB] = [evaluate(a), evaluate(b)];
  for (let round = 0; round < rounds; round++) {
    if (atA < atB) {
      [high, b, atB] = [b, a, atA];
      a = high - ratio * (high - low);
      atA = evaluate(a);
    } else {
      [low, a, atA] = [a, b, atB];
      b = low + ratio * (high - low);
      atB = evaluate(b);
    }
  }
  return Math.min(atA, atB);
}

async function measure({ file, sigma }) {
  const clean = readPlanes(file);
  const random = normalNumbers(1);
  const noisy = clean.map(({ width, height, data }) =>
    raster(
      width,
      height,
      1,
      data.map((value) => value + sigma * random()),
    ),
  );
  const { width, height } = clean[0];
  const psnr = (error) => -10 * Math.log10(error / (3 * width * height));

  let predicted = 0;
  let oracle = 0;
  const errors = new Float64Array(STEPS + 1);
  for (const [c, picture] of noisy.entries()) {
    const map = await network.predict(FILTER, picture, { noiseSigma: sigma });
    predicted += squaredError(nonLocalMeans(picture, map, { noiseSigma: sigma }), clean[c]);

    const filtered = Array.from({ length: STEPS + 1 }, (_, k) => {
      const multiplier = (k * MAX_MULTIPLIER) / STEPS;
      const constant = constantMap(FILTER, { multiplier }, width, height);
      return nonLocalMeans(picture, constant, { noiseSigma: sigma });
    });
    for (const [k, result] of filtered.entries()) errors[k] += squaredError(result, clean[c]);
    const values = new Oracle(filtered, clean[c]).multipliers(MAX_MULTIPLIER);
    const best = nonLocalMeans(picture, { filter: FILTER, values }, { noiseSigma: sigma });
    oracle += squaredError(best, clean[c]);
  }
  const least = errors.indexOf(Math.min(...errors));
  const around = [least - 1, least + 1].map(
    (k) => (Math.min(Math.max(k, 0), STEPS) * MAX_MULTIPLIER) / STEPS,
  );
  const global = Math.min(
    errors[least],
    minimum((multiplier) => globalError(noisy, clean, sigma, multiplier), ...around),
  );
  return { sigma, global: psnr(global), predicted: psnr(predicted), oracle: psnr(oracle) };
}

parentPort.on('message', async (job) => parentPort.postMessage(await measure(job)));
