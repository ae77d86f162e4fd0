import { AUTO_DEVICES, type Device, type DeviceChoice } from '../../engine/device.js';
import { QuietframeError } from '../../errors.js';
import type { DenoisePool, WorkerModels } from '../worker/jobs.js';
import { openWorkers } from '../worker/open-workers.js';

/** A device beside the CPU. It has one thread: devices work on one thing after the other. */
export interface DenoiseDevice {
  readonly name: Device;
  readonly pool: DenoisePool;
}

/** A device that may be used, and those that may not. */
export interface DeviceOutcome {
  /** None means the CPU. */
  readonly device?: DenoiseDevice;
  /** Of `auto`: why each of the devices before is not used. */
  readonly refusals: readonly string[];
}

/** Most that a device may differ from the CPU, relative to values above 1; rounding alone makes a thousandth of it. */
const TOLERANCE = 1e-3;
/** Devices that are slower than this many times the CPU are software; the probe is too small to tell more. */
const SLOWEST = 4;

/**
 * Starts a device and lets it denoise a small picture and a window with every network, whose results are compared with the CPU's.
 * @param script of the worker.
 * @throws QuietframeError `device-unavailable` when a device that was named does not work or differs from the CPU.
 */
export async function openDevice(
  choice: DeviceChoice,
  script: URL,
  models: WorkerModels,
): Promise<DeviceOutcome> {
  if (choice === 'cpu') return { refusals: [] };
  if (choice !== 'auto') return { device: await start(choice, script, models, false), refusals: [] };
  const refusals: string[] = [];
  for (const candidate of AUTO_DEVICES) {
    try {
      return { device: await start(candidate, script, models, true), refusals };
    } catch (error) {
      if (!(error instanceof QuietframeError) || error.code !== 'device-unavailable') throw error;
      refusals.push(error.message);
    }
  }
  return { refusals };
}

async function start(
  name: Exclude<Device, 'cpu'>,
  script: URL,
  models: WorkerModels,
  mustBeFast: boolean,
): Promise<DenoiseDevice> {
  const pool = openWorkers(script, 1, { ...models, device: name });
  try {
    for (const model of models.networks.keys()) {
      const probe = await pool.run('probe-device', { model, timed: mustBeFast });
      const { error, deviceSeconds, hostSeconds } = probe;
      if (!(error <= TOLERANCE)) {
        const most = `results of ${model} within ${TOLERANCE} of those of the CPU`;
        throw refused(`Expected ${most} for device ${name} but received ${error.toPrecision(2)}`);
      }
      if (mustBeFast && deviceSeconds > SLOWEST * hostSeconds) {
        const times = (deviceSeconds / hostSeconds).toFixed(0);
        throw refused(`Expected a device faster than the CPU but received ${name}, ${times} times slower`);
      }
    }
    return { name, pool };
  } catch (error) {
    await pool.close();
    throw error;
  }
}

function refused(message: string): QuietframeError {
  return new QuietframeError('device-unavailable', message, { parameter: 'device' });
}
