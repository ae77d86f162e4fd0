import { expected, QuietframeError } from '../../errors.js';
import { FILE_ROLES, type FileRole } from '../../image/joined-parts.js';
import { MAX_WINDOW } from '../../limits.js';

/** Names of the form's parts; a window has several of the first. */
export const PART_NAMES = [
  ...(['frame', 'half_a', 'half_b', 'lambda', 'guide'] as const),
  ...(['albedo', 'normal', 'variance', 'motion_vectors'] as const),
] as const;
/** What requests call the roles that may have files of their own; `motion` is how vectors are read. */
export const AOV_NAMES = {
  albedo: 'albedo',
  normal: 'normal',
  motion: 'motion_vectors',
  colorVariance: 'variance',
} as const satisfies Record<FileRole, PartName>;
/** Most files of a request. */
export const MAX_PARTS = MAX_WINDOW * (1 + FILE_ROLES.length) + 4;
export type PartName = (typeof PART_NAMES)[number];

/** OpenEXR files of one request, those sent in memory that workers can read without a copy. There are frames, halves or both. */
export interface Upload<File = Uint8Array> {
  /** In time order. */
  readonly frames: readonly File[];
  /** Two renders of the frame that is denoised. */
  readonly halves: readonly [File, File] | undefined;
  /** The slope of the loss of every pixel. */
  readonly lambda?: File;
  /** A form's field `lambda` that is no file: the text of a number. */
  readonly lambdaText?: string;
  /** The frame at the size that it is magnified to, for its albedo and normals. */
  readonly guide?: File;
  /** Layers in files of their own: one for each frame. */
  readonly aovs?: AovFiles<File>;
}

export type AovFiles<File> = ReadonlyMap<FileRole, readonly File[]>;

/** The upload with something else for each of its files. */
export function mapUpload<File, Other>(
  { frames, halves, lambda, guide, aovs }: Upload<File>,
  map: (file: File) => Other,
): Upload<Other> {
  return {
    frames: frames.map(map),
    halves: halves && [map(halves[0]), map(halves[1])],
    ...(lambda !== undefined && { lambda: map(lambda) }),
    ...(guide !== undefined && { guide: map(guide) }),
    ...(aovs && { aovs: new Map([...aovs].map(([role, files]) => [role, files.map(map)])) }),
  };
}

/** Bytes of all files of an upload. */
export function uploadBytes({ frames, halves, lambda, guide, aovs }: Upload): number {
  return [...frames, ...(halves ?? []), lambda, guide, ...[...(aovs?.values() ?? [])].flat()].reduce(
    (sum, file) => sum + (file?.length ?? 0),
    0,
  );
}

/**
 * The upload of a form's parts.
 * @throws QuietframeError `malformed-body` for too many files of a kind, a half buffer alone, and nothing at all.
 */
export function uploadOf<File>(parts: ReadonlyMap<PartName, readonly File[]>): Upload<File> {
  const frames = parts.get('frame') ?? [];
  const [halfA, extraA] = parts.get('half_a') ?? [];
  const [halfB, extraB] = parts.get('half_b') ?? [];
  const [lambda, extraLambda] = parts.get('lambda') ?? [];
  const [guide, extraGuide] = parts.get('guide') ?? [];
  const halves = halfA !== undefined && halfB !== undefined ? ([halfA, halfB] as const) : undefined;
  const isOdd =
    (halfA === undefined) !== (halfB === undefined) ||
    extraA !== undefined ||
    extraB !== undefined ||
    extraLambda !== undefined ||
    extraGuide !== undefined;
  if (isOdd || frames.length > MAX_WINDOW || (frames.length === 0 && halves === undefined)) {
    const received = PART_NAMES.map((name) => `${parts.get(name)?.length ?? 0} ${name}`).join(', ');
    throw new QuietframeError(
      'malformed-body',
      expected(
        `1 to ${MAX_WINDOW} frame, or both half_a and half_b, or all of these, and at most one lambda and one guide`,
        'the parts of the form',
        received,
      ),
    );
  }
  const aovs = new Map(
    FILE_ROLES.flatMap((role): [FileRole, readonly File[]][] => {
      const files = parts.get(AOV_NAMES[role]) ?? [];
      return files.length === 0 ? [] : [[role, files]];
    }),
  );
  checkAovs(aovs, frames.length);
  return {
    frames,
    halves,
    ...(lambda !== undefined && { lambda }),
    ...(guide !== undefined && { guide }),
    ...(aovs.size > 0 && { aovs }),
  };
}

/**
 * That there is a file of each role for every frame.
 * @throws QuietframeError `malformed-body`.
 */
export function checkAovs(aovs: AovFiles<unknown>, frames: number): void {
  const wanted = Math.max(1, frames);
  for (const [role, files] of aovs) {
    if (files.length === wanted) continue;
    const name = AOV_NAMES[role];
    throw new QuietframeError(
      'malformed-body',
      expected(`${wanted} (one for each frame)`, `the files ${name}`, files.length),
      { frame: name },
    );
  }
}

export function emptyPart(name: PartName, index: number): QuietframeError {
  const frame = name === 'frame' ? `frame[${index}]` : name;
  return new QuietframeError('empty-body', expected('an OpenEXR file', `part ${frame}`, 'nothing'), {
    frame,
  });
}
