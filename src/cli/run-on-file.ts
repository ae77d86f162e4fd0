import { type Config, exrLimits } from '../config.js';
import type { Denoiser } from '../denoise/denoiser.js';
import { ExrPool } from '../exr/pool.js';
import { Interrupted, Interruption } from './interrupted.js';
import { tellRefusals, type WorkerFlags } from './options.js';
import { ProgressLine } from './progress-line.js';
import { withFile } from './with-file.js';

/** What a command works on a file with. */
export interface FileWork {
  readonly services: { readonly pool: ExrPool; readonly denoiser: Denoiser };
  /** Aborts when the user interrupts, and draws the progress; for the request. */
  readonly watch: { readonly signal: AbortSignal; readonly onProgress: (fraction: number) => void };
}

/**
 * Runs the work of a command with a denoiser of its own, which ends with it.
 * @param files other files than the input, by what the workflow calls them, for its errors.
 */
export async function runOnFile<T>(
  input: string,
  files: Readonly<Record<string, string | undefined>>,
  flags: WorkerFlags,
  config: Config,
  work: (tools: FileWork) => Promise<T>,
): Promise<T> {
  // The engine is large: only the commands that denoise load it.
  const { Denoiser } = await import('../denoise/denoiser.js');
  const interruption = new Interruption();
  const line = new ProgressLine(input);
  const pool = new ExrPool({ limits: exrLimits(config) });
  const denoiser = await Denoiser.load({
    modelsDirectory: config.modelsDirectory,
    threads: flags.threads ?? config.threads,
    memoryBudgetBytes: config.memoryBudgetBytes,
    device: flags.device ?? config.device,
    engine: flags.engine ?? config.engine,
  });
  tellRefusals(denoiser.deviceRefusals);
  try {
    return await work({
      services: { pool, denoiser },
      watch: { signal: interruption.signal, onProgress: (fraction) => line.show(fraction) },
    });
  } catch (error) {
    if (interruption.explains(error)) throw new Interrupted(`${input}: stopped, nothing was written`);
    throw withFile(error, input, files);
  } finally {
    line.end();
    interruption.release();
    await Promise.all([denoiser.close(), pool.close()]);
  }
}
