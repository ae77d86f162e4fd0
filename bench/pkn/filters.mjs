/**
 * What the other filters gain on a folder of PNG photographs (the 256 x 256 pixels in the middle, green), mean PSNR in dB:
 * Gaussians against the best single sigma of each picture, deblurring against the blurred picture and against the best
 * single coefficients of three, magnification against Lanczos-4 and bicubic interpolation, there with the mean SMAPE, too.
 *
 *     npm run -s build && node bench/pkn/filters.mjs DIR
 */
import { fileURLToPath } from 'node:url';
import { smape } from '../../dist/image/metrics.js';
import { raster } from '../../dist/image/raster.js';
import { anisotropicGaussian } from '../../dist/pkn/anisotropic-gaussian.js';
import { PknNetwork } from '../../dist/pkn/network.js';
import { constantMap } from '../../dist/pkn/parameter-map.js';
import { gaussianBlur, polynomialDeblur } from '../../dist/pkn/polynomial-deblur.js';
import { rbfUpsample } from '../../dist/pkn/rbf-upsample.js';
import { normalNumbers, pngFiles, readPlanes, squaredError } from './photographs.mjs';

const SIZE = 252;
const network = await PknNetwork.open(fileURLToPath(new URL('../../models/pkn/1', import.meta.url)));
const random = normalNumbers(1);
const addNoise = (image, sigma) => ({ ...image, data: image.data.map((value) => value + sigma * random()) });
const psnr = (a, b) => -10 * Math.log10(squaredError(a, b) / b.data.length);
const pictures = pngFiles(process.argv[2]).map((file) => {
  const { width, height, data } = readPlanes(file)[1];
  const [left, top] = [(width - SIZE) >> 1, (height - SIZE) >> 1];
  const at = (_, i) => data[(top + Math.floor(i / SIZE)) * width + left + (i % SIZE)];
  return raster(SIZE, SIZE, 1, Float32Array.from({ length: SIZE * SIZE }, at));
});
if (pictures.length === 0) {
  console.error('Expected a folder with PNG photographs: node bench/pkn/filters.mjs DIR');
  process.exit(2);
}

/** Mean over the pictures of the figures that `measure` gives. */
async function mean(measure) {
  const sums = {};
  for (const picture of pictures) {
    for (const [name, value] of Object.entries(await measure(picture)))
      sums[name] = (sums[name] ?? 0) + value;
  }
  return Object.fromEntries(
    Object.entries(sums).map(([name, sum]) => [name, Math.round((100 * sum) / pictures.length) / 100]),
  );
}

async function gaussians(clean, noiseSigma) {
  const noisy = addNoise(clean, noiseSigma);
  const global = [0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1, 1.2, 1.5, 2].map((sigma) =>
    psnr(anisotropicGaussian(noisy, constantMap('isotropic-gaussian', { sigma }, SIZE, SIZE)), clean),
  );
  const predicted = async (filter) =>
    psnr(anisotropicGaussian(noisy, await network.predict(filter, noisy, { noiseSigma })), clean);
  return {
    noisy: psnr(noisy, clean),
    global: Math.max(...global),
    isotropic: await predicted('isotropic-gaussian'),
    anisotropic: await predicted('anisotropic-gaussian'),
  };
}

async function deblurring(clean, blurSigma, noiseSigma) {
  const blur = gaussianBlur(blurSigma);
  const deblur = (image, b, c, d) =>
    polynomialDeblur(image, constantMap('polynomial-deblur', { b, c, d }, SIZE, SIZE), blur);
  const noisy = addNoise(deblur(clean, 1, 0, 0), noiseSigma);
  const map = await network.predict('polynomial-deblur', noisy, { noiseSigma, blurSigma });
  // Truncated series of the inverse, and none.
  const global = [deblur(noisy, -1, 0, 0), deblur(noisy, -3, 1, 0), deblur(noisy, -4, 4, -1), noisy];
  return {
    blurred: psnr(noisy, clean),
    global: Math.max(...global.map((result) => psnr(result, clean))),
    predicted: psnr(polynomialDeblur(noisy, map, blur), clean),
  };
}

/** Resamples both axes with a kernel of the given support, widened where the picture shrinks. */
function resample(image, size, kernel, support) {
  const ratio = image.width / size;
  const widen = Math.max(ratio, 1);
  const along = (values, width, count, transposed) => {
    const rows = values.length / width;
    const result = new Float32Array(rows * count);
    for (let i = 0; i < count; i++) {
      const center = (i + 0.5) * ratio - 0.5;
      for (let y = 0; y < rows; y++) {
        let [sum, total] = [0, 0];
        for (let j = Math.ceil(center - support * widen); j <= center + support * widen; j++) {
          const weight = kernel((j - center) / widen);
          sum += weight * values[y * width + Math.min(Math.max(j, 0), width - 1)];
          total += weight;
        }
        result[transposed(i, y, rows)] = sum / total;
      }
    }
    return result;
  };
  // Each pass writes its axis as the other.
  const turn = (i, y, rows) => i * rows + y;
  const columns = along(image.data, image.width, size, turn);
  return raster(size, size, 1, along(columns, image.height, size, turn));
}

const sinc = (x) => (x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x));
const lanczos = (image, size) => resample(image, size, (x) => sinc(x) * sinc(x / 4), 4);
const bicubic = (image, size) => resample(image, size, (x) => catmullRom(Math.abs(x)), 2);
const catmullRom = (x) =>
  x < 1 ? 1.5 * x ** 3 - 2.5 * x ** 2 + 1 : x < 2 ? -0.5 * x ** 3 + 2.5 * x ** 2 - 4 * x + 2 : 0;
/** As photographs are resized, and as renders at a lower resolution are: means of areas. */
const SHRINKING = {
  triangle: (image, size) => resample(image, size, (x) => Math.max(1 - Math.abs(x), 0), 1),
  area: (image, size) => resample(image, size, (x) => (Math.abs(x) < 0.5 ? 1 : 0), 0.5),
};
/** What the service assumes at least; pictures without noise have this. */
const LEAST_NOISE = 0.004;

async function magnification(clean, factor, noiseSigma, shrinking) {
  const noisy = addNoise(SHRINKING[shrinking](clean, Math.round(SIZE / factor)), noiseSigma);
  const map = await network.predict('rbf-upsample', noisy, { noiseSigma: Math.max(noiseSigma, LEAST_NOISE) });
  const results = {
    lanczos: lanczos(noisy, SIZE),
    bicubic: bicubic(noisy, SIZE),
    predicted: rbfUpsample(noisy, map, SIZE / noisy.width),
  };
  return Object.fromEntries(
    Object.entries(results).flatMap(([name, result]) => [
      [name, psnr(result, clean)],
      [`${name} smape %`, 100 * smape(grey(result), grey(clean))],
    ]),
  );
}

/** With three channels, which metrics have. */
const grey = ({ width, height, data }) =>
  raster(
    width,
    height,
    3,
    Float32Array.from({ length: 3 * data.length }, (_, i) => data[i % data.length]),
  );

const report = { gaussians: [], deblurring: [], magnification: [] };
for (const noiseSigma of [0.05, 0.1]) {
  report.gaussians.push({ noiseSigma, ...(await mean((picture) => gaussians(picture, noiseSigma))) });
}
for (const [blurSigma, noiseSigma] of [
  [1, 0.01],
  [1, 0.03],
  [1.8, 0.01],
]) {
  const scores = await mean((picture) => deblurring(picture, blurSigma, noiseSigma));
  report.deblurring.push({ blurSigma, noiseSigma, ...scores });
}
for (const factor of [1.3, 1.8, 3]) {
  for (const [noiseSigma, shrinking] of [
    [0, 'triangle'],
    [0, 'area'],
    [0.01, 'triangle'],
    [0.05, 'triangle'],
  ]) {
    const scores = await mean((picture) => magnification(picture, factor, noiseSigma, shrinking));
    report.magnification.push({ factor, shrinking, noiseSigma, ...scores });
  }
}
console.log(JSON.stringify(report, null, 2));
