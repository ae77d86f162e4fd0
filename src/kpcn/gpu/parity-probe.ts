import type { Architecture } from '../../engine/model-manifest.js';
import { type Raster, raster } from '../../image/raster.js';
import {
  estimateRasters,
  featureRasters,
  type LevelFeatures,
  type SingleFrameResult,
} from '../frame-features.js';
import { COLOR_CHANNELS, type Level } from '../frame-pyramid.js';
import { downsampleMotion } from '../level-motion.js';
import type { TileRunner } from '../tile-runner.js';
import type { LevelTask, NeighborLevel, WindowTask } from '../tile-tasks.js';
import type { GpuNetwork } from './gpu-network.js';

/** What a device makes of small pictures, beside the CPU. */
export interface ParityProbe {
  /** Largest error of a value, relative to values above 1; NaN where the device gives NaN. */
  readonly error: number;
  /** Seconds of a second run; 0 where there is none. */
  readonly deviceSeconds: number;
  readonly hostSeconds: number;
}

/** No whole number of blocks, and more than a kernel. */
const WIDTH = 34;
const HEIGHT = 26;
const TILE = { x: 0, y: 0, width: WIDTH, height: HEIGHT };
const EXPOSURE = 0.7;

const ignore = (): void => undefined;

type KeptLevel = SingleFrameResult & LevelFeatures;
/** Makes of a level what windows need of it. */
type Estimate = (task: LevelTask<Level>, kept: KeptLevel) => Promise<void>;

/**
 * Denoises a synthetic level with edges, noise and a lamp on both, with lambda, makes of it what windows need, and joins it with
 * itself along motion, so that all modules take part; and compares the results.
 * @param encoder one with an albedo.
 * @param timed whether to run again for the seconds: the first run compiles.
 */
export async function probeParity(
  device: GpuNetwork,
  host: TileRunner,
  { encoder, architecture }: { readonly encoder: string; readonly architecture: Architecture },
  timed: boolean,
): Promise<ParityProbe> {
  const reading = { encoder, exposure: EXPOSURE, irradiance: false };
  const onHost: Estimate = async (task, kept) => {
    await host.extractTile(task.level, reading, TILE, kept, ignore);
    await host.filterTile(task, kept, TILE, ignore);
  };
  const onDevice: Estimate = (task, kept) => device.denoiseTile(task, reading, TILE, ignore, kept);
  const run = async (network: GpuNetwork | TileRunner, estimate: Estimate): Promise<Run> => {
    const task = probeTask();
    const kept = keptLevel(architecture, task.level);
    const { logLambda: _, ...symmetric } = task;
    const ofWindow = { ...symmetric, level: { ...task.level, denoised: kept.light }, gate: kept.gate };
    const joined = raster(WIDTH, HEIGHT, COLOR_CHANNELS);
    const once = async (): Promise<void> => {
      await network.denoiseTile(task, reading, TILE, ignore);
      await estimate(ofWindow, kept);
      await network.fuseTile(windowOf(task, kept, joined), TILE, ignore);
    };
    await once();
    const start = performance.now();
    if (timed) await once();
    const seconds = timed ? (performance.now() - start) / 1000 : 0;
    return { results: [task.level.denoised, kept.light, joined], seconds };
  };
  const wanted = await run(host, onHost);
  const received = await run(device, onDevice);
  const error = largestError(received.results, wanted.results);
  return { error, deviceSeconds: received.seconds, hostSeconds: wanted.seconds };
}

interface Run {
  readonly results: readonly Raster[];
  readonly seconds: number;
}

function largestError(received: readonly Raster[], wanted: readonly Raster[]): number {
  let error = 0;
  for (const [i, { data }] of wanted.entries()) {
    for (const [at, value] of data.entries()) {
      const own = Math.abs((received[i]?.data[at] as number) - value) / Math.max(Math.abs(value), 1);
      // NaN stays once it is there.
      error = Math.max(error, own);
    }
  }
  return error;
}

function keptLevel(architecture: Architecture, { albedo }: Level): KeptLevel {
  const rasters = [
    ...featureRasters(architecture),
    ...estimateRasters(architecture, COLOR_CHANNELS, false),
  ].map(({ name, channels, scale }): [string, Raster] => [
    name,
    raster(WIDTH / scale, HEIGHT / scale, channels),
  ]);
  return { ...(Object.fromEntries(rasters) as Record<keyof KeptLevel, Raster>), ...(albedo && { albedo }) };
}

/** The level between two others that look like it, moved: by parts of pixels, out of the frame, and not known in places. */
function windowOf(task: LevelTask<Level>, kept: KeptLevel, denoised: Raster): WindowTask {
  const { level, logLambda, irradiance, colors } = task;
  const neighbors = [2, 3].map((slot): NeighborLevel => {
    const motion = raster(WIDTH, HEIGHT, 2);
    for (let i = 0; i < motion.data.length; i++) {
      motion.data[i] = i % 29 === 0 ? Number.NaN : 5.3 * (slot - 2.5) + 2 * Math.sin(i / 50);
    }
    const coarserMotion = raster(WIDTH / 2, HEIGHT / 2, 2);
    downsampleMotion(motion, coarserMotion, 0, HEIGHT / 2);
    return { slot, estimate: kept, motion, coarserMotion };
  });
  return {
    ...{ spatial: kept.spatial, estimate: kept, own: level.denoised, denoised, neighbors },
    ...{ exposure: EXPOSURE, irradiance, colors, ...(logLambda && { logLambda }) },
  };
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
