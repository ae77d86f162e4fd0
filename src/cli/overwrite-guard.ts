import { realpath, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { expected, QuietframeError } from '../errors.js';
import { sweepPartialFiles } from '../io/partial-files.js';
import { writeAtomically } from '../io/write-atomically.js';
import { STANDARD_OUTPUT } from './standard-output.js';

/** A file that a command writes. */
export interface OutputFile {
  /** Nothing where there is none; `-` is standard output. */
  readonly path: string | undefined;
  /** What gave the path, such as `--output`. */
  readonly parameter: string;
  /** An input that it may replace, because that was asked for. */
  readonly mayReplace?: string;
  /** Said beside what was expected. */
  readonly advice?: string;
}

interface NamedFile extends OutputFile {
  readonly path: string;
}

function isFile(output: OutputFile): output is NamedFile {
  return output.path !== undefined && output.path !== STANDARD_OUTPUT;
}

/**
 * Writes the outputs of a command, and never over one of its inputs or over another output, whatever the paths are called.
 * Renders take hours and cannot be made from what was denoised.
 */
export class OverwriteGuard {
  readonly #inputs: readonly string[];
  #keepsExisting = false;
  /** Identities of the outputs when they were found to be no inputs. */
  readonly #checked = new Map<
    string,
    { readonly output: NamedFile; readonly identity: string | undefined }
  >();

  private constructor(inputs: readonly string[]) {
    this.#inputs = inputs;
  }

  /**
   * Checks all paths, before any work, and removes partial files of them that a killed process has left.
   * @throws QuietframeError `invalid-argument`, naming the parameter of the output.
   */
  static async check(
    outputs: readonly OutputFile[],
    inputs: readonly (string | undefined)[],
  ): Promise<OverwriteGuard> {
    const guard = new OverwriteGuard(inputs.flatMap((input) => input ?? []));
    const known = await guard.#identifyInputs();
    const taken = new Map<string, NamedFile>();
    for (const output of outputs.filter(isFile)) {
      const identity = await identify(output.path);
      await refuse(output, identity, known);
      // Results that a tool has linked to each other are still two: writing one replaces its name alone.
      const target = await resolved(output.path);
      const other = taken.get(target);
      if (other !== undefined && identity !== undefined) {
        throw wrong(`another file than that of ${other.parameter}`, output);
      }
      taken.set(target, output);
      guard.#checked.set(output.path, { output, identity });
    }
    await sweepPartialFiles(taken.keys());
    return guard;
  }

  /**
   * Keeps files that exist: `--no-overwrite`. From now on, outputs are written to new files only.
   * @param paths outputs that are going to be written; all by default.
   * @throws QuietframeError `invalid-argument`, naming the first file that exists.
   */
  async keepExisting(paths: Iterable<string> = this.#checked.keys()): Promise<void> {
    this.#keepsExisting = true;
    for (const path of paths) await this.#refuseExisting(path);
  }

  /**
   * Writes an output, unless it has become an input meanwhile or exists and is kept.
   * @throws QuietframeError `invalid-argument`; as `writeAtomically`.
   */
  async write(path: string, bytes: Uint8Array | string): Promise<void> {
    const checked = this.#checked.get(path);
    if (checked === undefined)
      throw new QuietframeError('internal', `The file ${path} cannot be written: it was not checked`);
    const identity = await identify(path);
    if (identity !== checked.identity) {
      await refuse(checked.output, identity, await this.#identifyInputs());
    }
    if (this.#keepsExisting) await this.#refuseExisting(path);
    await writeAtomically(path, bytes);
  }

  /** Pipes and devices lose nothing. */
  async #refuseExisting(path: string): Promise<void> {
    const found = await stat(path).catch(() => undefined);
    if (!found?.isFile()) return;
    const { parameter = '--output' } = this.#checked.get(path)?.output ?? {};
    const message = `The file ${path} exists and cannot be replaced with --no-overwrite: remove it or choose another ${parameter}`;
    throw new QuietframeError('invalid-argument', message, { parameter });
  }

  async #identifyInputs(): Promise<ReadonlyMap<string, string>> {
    const known = new Map<string, string>();
    for (const input of this.#inputs) {
      const identity = await identify(input);
      if (identity !== undefined) known.set(identity, input);
    }
    return known;
  }
}

async function refuse(
  output: NamedFile,
  identity: string | undefined,
  inputs: ReadonlyMap<string, string>,
): Promise<void> {
  const input = identity === undefined ? undefined : inputs.get(identity);
  if (input === undefined) return;
  if (output.mayReplace !== undefined && identity === (await identify(output.mayReplace))) return;
  throw wrong(`another file than the input ${input}${output.advice ?? ''}`, output);
}

/**
 * What two paths share where they are the same file: device and inode, or, where there is no file yet, its name in the resolved
 * folder. Nothing for pipes and devices, which lose nothing when they are written to.
 */
async function identify(path: string): Promise<string | undefined> {
  const found = await stat(path, { bigint: true }).catch(() => undefined);
  if (found === undefined) return resolved(path);
  return found.isFile() ? `${found.dev}:${found.ino}` : undefined;
}

async function resolved(path: string): Promise<string> {
  const folder = realpath(dirname(path)).catch(() => dirname(path));
  return realpath(path).catch(async () => join(await folder, basename(path)));
}

function wrong(range: string, { parameter, path }: NamedFile): QuietframeError {
  return new QuietframeError('invalid-argument', expected(range, parameter, path), { parameter });
}
