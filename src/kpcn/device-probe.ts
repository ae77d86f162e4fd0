import { raster } from '../image/raster.js';
import type { DeviceNetwork } from './device-network.js';
import type { KpcnNetwork, LevelTask } from './network.js';
import type { Level } from './picture.js';

/** What a device makes of a small picture, beside the CPU. */
export interface DeviceProbe {
  /** Largest error of a value, relative to values above 1; NaN where the device gives NaN. */
  readonly error: number;
  /** Seconds of a second run; 0 where there is none. */
  readonly deviceSeconds: number;
  readonly hostSeconds: number;
}

/** No whole number of blocks, and more than a kernel. */
const WIDTH = 34;
const HEIGHT = 26;
const EXPOSURE = 0.7;

/**
 * Denoises a synthetic level with edges, noise and a lamp on both, with lambda, so that all modules of a frame take part, and
 * compares the results.
 * @param encoder one with an albedo.
 * @param timed whether to run again for the seconds: the first run compiles.
 */
export async function probeDevice(
  device: DeviceNetwork,
  host: KpcnNetwork,
  encoder: string,
  timed: boolean,
): Promise<DeviceProbe> {
  const wanted = await run(host, encoder, timed);
  const received = await run(device, encoder, timed);
  let error = 0;
  for (const [i, value] of wanted.result.entries()) {
    // NaN stays once it is there.
    const own = Math.abs((received.result[i] as number) - value) / Math.max(Math.abs(value), 1);
    error = own <= error ? error : own;
  }
  return { error, deviceSeconds: received.seconds, hostSeconds: wanted.seconds };
}

async function run(
  network: DeviceNetwork | KpcnNetwork,
  encoder: string,
  timed: boolean,
): Promise<{ result: Float32Array; seconds: number }> {
  const { level, ...task } = probeTask();
  const reading = { encoder, exposure: EXPOSURE, irradiance: false };
  const tile = { x: 0, y: 0, width: level.width, height: level.height };
  const once = (): Promise<void> => network.denoiseTile({ level, ...task }, reading, tile, () => undefined);
  await once();
  const start = performance.now();
  if (timed) await once();
  const seconds = timed ? (performance.now() - start) / 1000 : 0;
  return { result: level.denoised.data, seconds };
}

function probeTask(): LevelTask<Level> {
  const image = (channels: number, value: (c: number, x: number, y: number) => number) => {
    const { data, ...size } = raster(WIDTH, HEIGHT, channels);
    const plane = WIDTH * HEIGHT;
    const at = (i: number) => [Math.floor(i / plane), i % WIDTH, Math.floor((i % plane) / WIDTH)] as const;
    return { ...size, data: data.map((_, i) => value(...at(i))) };
  };
  let state = 1;
  const random = (): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
  const albedo = image(3, (c, x, y) => (x + 2 * y > 50 ? 0.2 + 0.2 * c : 0.5 + 0.4 * Math.sin(x * 0.9)));
  const light = (x: number, y: number): number => ((x - 20) ** 2 + (y - 8) ** 2 < 6 ? 20 : 0.6);
  const radiance = image(3, (c, x, y) => {
    const surface = albedo.data[(c * HEIGHT + y) * WIDTH + x] as number;
    return surface * light(x, y) * (0.3 - Math.log(random() + 0.01));
  });
  const level: Level = {
    ...{ width: WIDTH, height: HEIGHT, radiance, albedo },
    colorVariance: image(1, (_, x, y) => (0.3 * light(x, y)) ** 2),
    albedoVariance: image(1, () => 0.01 * random()),
    normal: image(3, (c, x, y) => [Math.sin(x / 9), Math.cos(y / 9), 0.6][c] as number),
    normalVariance: image(1, () => 0.02 * random()),
    ...{ denoised: raster(WIDTH, HEIGHT, 3), composited: raster(WIDTH, HEIGHT, 3) },
  };
  const logLambda = raster(WIDTH / 2, HEIGHT / 2, 1);
  logLambda.data.forEach((_, i) => {
    logLambda.data[i] = (i % (WIDTH / 2)) / (WIDTH / 2);
  });
  return { level, irradiance: false, colors: [0], logLambda };
}
