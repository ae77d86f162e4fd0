import { stat } from 'node:fs/promises';
import { extname } from 'node:path';
import { invalidArgument } from '../errors.js';
import type { ParameterRequest } from '../files/parameters.js';
import { checkFolder } from './check-folder.js';
import type { OverwriteGuard } from './overwrite-guard.js';
import { STANDARD_OUTPUT } from './standard-output.js';

/** What a result is written as. */
export type OutputType = 'exr' | 'png';

/**
 * What a result is written as, by the suffix of its file; standard output, devices and pipes get OpenEXR.
 * @param types that the result can be written as.
 * @throws QuietframeError `invalid-argument` for another suffix; `file-system` where the file cannot be written.
 */
export async function checkOutput(path: string, types: readonly OutputType[]): Promise<OutputType> {
  if (path === STANDARD_OUTPUT) return 'exr';
  const suffix = extname(path).toLowerCase();
  const type = types.find((known) => suffix === `.${known}`);
  if (type === undefined && !(await isDevice(path))) {
    const range = `${types.map((known) => `.${known}`).join(' or ')} as the suffix (- is standard output)`;
    throw invalidArgument(range, '--output', path);
  }
  await checkFolder(path);
  return type ?? 'exr';
}

/** What the results of a shot are written as, by the suffix of their pattern. @throws QuietframeError `invalid-argument`. */
export function shotOutput(pattern: string): OutputType {
  const suffix = extname(pattern).toLowerCase();
  if (suffix !== '.exr' && suffix !== '.png')
    throw invalidArgument('.exr or .png as the suffix', '--output', pattern);
  return suffix === '.png' ? 'png' : 'exr';
}

/** A picture has the denoised color, and nothing to hold the rest. @throws QuietframeError `invalid-argument`. */
export function checkPicture({ maps, aovs, view }: ParameterRequest, output: string): void {
  if (maps?.outputs?.some((name) => name !== 'color'))
    throw invalidArgument('.exr with such --outputs', '--output', output);
  if (aovs !== undefined) throw invalidArgument('.exr with --aovs', '--output', output);
  if (view === 'all') throw invalidArgument('.exr with --view all', '--output', output);
}

/** A report and a result cannot both be on standard output. */
export function checkReport(report: string | undefined, output: string): void {
  if (report === STANDARD_OUTPUT && output === STANDARD_OUTPUT) {
    throw invalidArgument('a file with --output -', '--report', report);
  }
}

/** @throws QuietframeError as `OverwriteGuard.write`. */
export async function writeOutput(
  path: string,
  bytes: Uint8Array,
  guard: Pick<OverwriteGuard, 'write'>,
): Promise<void> {
  if (path !== STANDARD_OUTPUT) return guard.write(path, bytes);
  await new Promise<void>((resolve, reject) => {
    process.stdout.write(bytes, (error) => (error ? reject(error) : resolve()));
  });
}

/** Says what was done where nothing else goes: standard error while the result is on standard output. */
export function tellDone(text: string, output: string): void {
  (output === STANDARD_OUTPUT ? process.stderr : process.stdout).write(text);
}

async function isDevice(path: string): Promise<boolean> {
  const found = await stat(path).catch(() => undefined);
  return found !== undefined && !found.isFile() && !found.isDirectory();
}
