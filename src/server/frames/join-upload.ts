import type { Upload } from '../http/upload.js';
import type { SourceFile, SourceFiles } from './source-files.js';

/**
 * An upload whose frames have the layers that came in files of their own, and so do its half buffers those of the frame that is
 * denoised.
 */
export function joinUpload(
  { aovs, ...upload }: Upload<SourceFile>,
  center: number | undefined,
  files: SourceFiles,
): Upload<SourceFile> {
  if (aovs === undefined) return upload;
  const { frames, halves } = upload;
  const join = (file: SourceFile, index: number): SourceFile => {
    const others = [...aovs].flatMap(([role, each]) => {
      const other = each[index];
      return other === undefined ? [] : [[role, other] as const];
    });
    return files.joined(file, new Map(others));
  };
  const index = center ?? Math.floor(frames.length / 2);
  return {
    ...upload,
    frames: frames.map(join),
    halves: halves && [join(halves[0], index), join(halves[1], index)],
  };
}
