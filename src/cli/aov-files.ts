import { Option } from 'commander';
import type { ExrPool } from '../exr/pool.js';
import { FILE_ROLES, type FileRole } from '../image/joined-parts.js';
import { readInput } from './read-input.js';

/** Layers in files of their own, by path. */
export interface AovFileFlags {
  readonly albedo?: string;
  readonly normal?: string;
  readonly variance?: string;
  readonly motionVectors?: string;
}

/** What the command line calls the roles; `motion` is how vectors are read. */
const FLAGS = {
  albedo: 'albedo',
  normal: 'normal',
  colorVariance: 'variance',
  motion: 'motionVectors',
} as const satisfies Record<FileRole, keyof AovFileFlags>;

/**
 * @param file what is given: the path of a file, or a pattern.
 * @param withMotion whether other frames are used.
 */
export function aovFileOptions(file: string, withMotion = false): Option[] {
  const others = withMotion ? '--normal, --variance, --motion-vectors' : '--normal, --variance';
  return [
    new Option(`--albedo <${file}>`, `layer in its own file; also ${others}`),
    // One line of help is for all of them.
    ...['normal', 'variance', ...(withMotion ? ['motion-vectors'] : [])].map((name) =>
      new Option(`--${name} <${file}>`, `the layer ${name} in its own file`).hideHelp(),
    ),
  ];
}

/** The paths by role. */
export function aovFilePaths(flags: AovFileFlags): ReadonlyMap<FileRole, string> {
  return new Map(
    FILE_ROLES.flatMap((role): [FileRole, string][] => {
      const path = flags[FLAGS[role]];
      return path === undefined ? [] : [[role, path]];
    }),
  );
}

/** Reads the files of a frame. */
export async function readAovFiles(
  paths: ReadonlyMap<FileRole, string>,
): Promise<ReadonlyMap<FileRole, Uint8Array>> {
  return new Map(
    await Promise.all([...paths].map(async ([role, path]) => [role, await readInput(path)] as const)),
  );
}

/** A frame's file with the layers of others; the file itself where there are none. */
export async function joinAovFiles(
  exr: Uint8Array,
  files: ReadonlyMap<FileRole, Uint8Array>,
  pool: ExrPool,
  signal?: AbortSignal,
): Promise<Uint8Array> {
  return files.size === 0 ? exr : pool.join(exr, files, signal && { signal });
}
