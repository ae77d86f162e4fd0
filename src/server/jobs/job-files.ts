import { FILE_ROLES, type FileRole } from '../../image/joined-parts.js';
import type { StoredNames } from '../frames/frame-references.js';
import type { JobFrame } from './job.js';

/** The files of a frame of a job by what they are for. */
export function storedNames({ frames, halves, lambda, guide, aovs }: JobFrame): StoredNames {
  const layers = FILE_ROLES.flatMap((role): [FileRole, readonly string[]][] => {
    const files = aovs?.[role];
    return files === undefined ? [] : [[role, files]];
  });
  return {
    ...{ frames, halves },
    ...(lambda !== undefined && { lambda }),
    ...(guide !== undefined && { guide }),
    ...(layers.length > 0 && { aovs: new Map(layers) }),
  };
}

/** All files of a frame of a job. */
export function digestsOf({ frames, halves, lambda, guide, aovs = {} }: JobFrame): readonly string[] {
  const layers = Object.values(aovs).flat();
  return [...frames, ...(halves ?? []), lambda, guide, ...layers].filter((digest) => digest !== undefined);
}
