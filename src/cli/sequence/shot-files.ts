import { QuietframeError } from '../../errors.js';
import type { ExrPool } from '../../exr/pool.js';
import type { FileRole } from '../../image/joined-parts.js';
import { joinAovFiles, readAovFiles } from '../aov-files.js';
import { readInput } from '../read-input.js';
import type { FramePattern } from './frame-pattern.js';

/** Where the files of a shot are. */
export interface ShotFiles {
  readonly input: FramePattern;
  /** Layers in files of their own, for every frame one. */
  readonly aovFiles?: ReadonlyMap<FileRole, FramePattern>;
}

/** Paths of all files of a frame, its own first. */
export function pathsOf(shot: ShotFiles, frame: number): string[] {
  return [shot.input.path(frame), ...aovPathsOf(shot, frame).values()];
}

function aovPathsOf({ aovFiles = new Map() }: ShotFiles, frame: number): ReadonlyMap<FileRole, string> {
  return new Map([...aovFiles].map(([role, pattern]) => [role, pattern.path(frame)]));
}

/**
 * The file of a frame with the layers of its other files.
 * @throws QuietframeError `file-system`, or what is wrong with a file, naming it.
 */
export async function readShotFrame(shot: ShotFiles, frame: number, pool: ExrPool): Promise<Uint8Array> {
  const paths = aovPathsOf(shot, frame);
  const exr = await readInput(shot.input.path(frame));
  const files = await readAovFiles(paths);
  try {
    return await joinAovFiles(exr, files, pool);
  } catch (error) {
    if (!(error instanceof QuietframeError)) throw error;
    const path = [...paths].find(([role]) => role === error.details.frame)?.[1];
    if (path === undefined) throw error;
    const { frame: _, ...details } = error.details;
    throw new QuietframeError(error.code, `${path}: ${error.message}`, details, { cause: error });
  }
}
