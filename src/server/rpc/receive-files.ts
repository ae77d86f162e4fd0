import type { MessageShape } from '@bufbuild/protobuf';
import { expected, QuietframeError } from '../../errors.js';
import { digestOf } from '../../io/sha256.js';
import type { AppContext } from '../context.js';
import { parseDigest } from '../frames/frame-name.js';
import { findStored } from '../frames/frame-references.js';
import type { OwnedFrames } from '../frames/owned-frames.js';
import type { SourceFile } from '../frames/source-files.js';
import {
  type DenoiseOptions,
  type DenoiseRequestSchema,
  FileRole,
  type InputFile,
} from '../gen/quietframe/v1/denoiser_pb.js';
import { MAX_PARTS, type PartName, type Upload, uploadOf } from '../http/upload.js';
import type { UploadScope } from '../queue/upload-memory.js';

/** What a client sends in `Denoise` and in what has messages like it. */
type DenoiseMessage = Pick<MessageShape<typeof DenoiseRequestSchema>, 'message'>;
export type DenoiseMessages = AsyncIterator<DenoiseMessage, unknown>;

/** Most bytes of one chunk, both ways. */
export const MAX_CHUNK_BYTES = 2 ** 20;

/**
 * The options, which come first.
 * @throws QuietframeError `malformed-body`, and as the messages do.
 */
export async function receiveOptions(messages: DenoiseMessages): Promise<DenoiseOptions> {
  const { done, value } = await messages.next();
  if (!done && value.message.case === 'options') return value.message.value;
  const received = done ? 'no message' : (value.message.case ?? 'an empty message');
  throw malformed('options', 'the first message', received);
}

/**
 * Checks what the options say about the files, before a byte of them is read.
 * @throws QuietframeError `invalid-argument`, `empty-body`, `malformed-body`, `too-large`.
 */
export function checkFiles({ files }: DenoiseOptions, maxBytes: number): void {
  if (files.length > MAX_PARTS) throw malformed(`at most ${MAX_PARTS}`, 'the number of files', files.length);
  let total = 0n;
  for (const [index, file] of files.entries()) {
    const { role, sizeBytes } = file;
    const name = `files[${index}]`;
    if (FileRole[role] === undefined) {
      const message = expected('a value of FileRole', `role of ${name}`, role);
      throw new QuietframeError('invalid-argument', message, { parameter: 'files' });
    }
    checkFile(file, name);
    total += sizeBytes;
  }
  if (files.length === 0) {
    throw new QuietframeError('empty-body', expected('at least one', 'files', 'none'), {
      parameter: 'files',
    });
  }
  uploadOf(partsOf(files, files));
  if (total > BigInt(maxBytes)) {
    throw new QuietframeError('too-large', expected(`at most ${maxBytes}`, 'the bytes of all files', total), {
      parameter: 'files',
    });
  }
}

/**
 * Checks that a file is either sent or named by its digest.
 * @throws QuietframeError `empty-body`, `invalid-argument`, `malformed-body`.
 */
export function checkFile({ sizeBytes, sha256 }: InputFile, name: string): void {
  if (sha256 !== '') {
    parseDigest(sha256);
    if (sizeBytes !== 0n) throw malformed('a size or a digest', name, 'both');
  } else if (sizeBytes === 0n) {
    throw new QuietframeError('empty-body', expected('an OpenEXR file', name, 'nothing'), { frame: name });
  }
}

/**
 * The files that {@link checkFiles} has passed, to the end of what the client sends, in memory that workers can read
 * without a copy, and those that are named by digest.
 * @throws QuietframeError `too-large` for a chunk above 1 MiB; `malformed-body` for anything but chunks, for an empty
 * one, and for fewer or more bytes than were announced; `missing-frames`; and as the messages do.
 */
export async function receiveFiles(
  messages: DenoiseMessages,
  described: readonly InputFile[],
  { files, metrics }: Pick<AppContext, 'files' | 'metrics'>,
  frames: OwnedFrames,
  memory: UploadScope,
): Promise<Upload<SourceFile>> {
  const total = described.reduce((sum, { sizeBytes }) => sum + Number(sizeBytes), 0);
  // The system backs it with memory only once it is written.
  const bytes = memory.take(total).subarray(0, total);
  let length = 0;
  for (let next = await messages.next(); !next.done; next = await messages.next()) {
    const { message } = next.value;
    if (message.case !== 'chunk') throw malformed('a chunk', 'a message after the first', message.case);
    const { value: chunk } = message;
    if (chunk.length > MAX_CHUNK_BYTES) {
      throw new QuietframeError(
        'too-large',
        expected(`at most ${MAX_CHUNK_BYTES}`, 'the bytes of a chunk', chunk.length),
      );
    }
    if (chunk.length === 0) throw malformed('at least 1', 'the bytes of a chunk', 0);
    if (length + chunk.length > total) throw malformed(String(total), 'the bytes of all chunks', 'more');
    bytes.set(chunk, length);
    length += chunk.length;
  }
  if (length < total) throw malformed(String(total), 'the bytes of all chunks', length);
  let end = 0;
  const received: SourceFile[] = [];
  for (const { sizeBytes, sha256, keep } of described) {
    const start = end;
    end += Number(sizeBytes);
    if (sha256 === '') {
      const file = bytes.subarray(start, end);
      // The whole upload would be kept with a part of it.
      if (keep) await frames.put(await digestOf(file), new Uint8Array(file));
      received.push(files.uploaded(file));
    } else {
      received.push(stored(sha256, files, frames, metrics));
    }
  }
  return uploadOf(partsOf(described, received));
}

/**
 * A file that the service keeps.
 * @throws QuietframeError `missing-frames`.
 */
export function stored(
  sha256: string,
  files: AppContext['files'],
  frames: OwnedFrames,
  metrics: AppContext['metrics'],
): SourceFile {
  const { frames: found } = findStored({ frames: [sha256] }, files, frames, metrics);
  return found[0] as SourceFile;
}

/** What forms call the files of a role. */
export const PART_NAMES: Readonly<Record<FileRole, PartName>> = {
  [FileRole.UNSPECIFIED]: 'frame',
  [FileRole.FRAME]: 'frame',
  [FileRole.HALF_A]: 'half_a',
  [FileRole.HALF_B]: 'half_b',
  [FileRole.LAMBDA_MAP]: 'lambda',
  [FileRole.GUIDE]: 'guide',
  [FileRole.ALBEDO]: 'albedo',
  [FileRole.NORMAL]: 'normal',
  [FileRole.VARIANCE]: 'variance',
  [FileRole.MOTION_VECTORS]: 'motion_vectors',
};

/** What stands for each file, by the names of the form's parts. */
function partsOf<File>(
  described: readonly Pick<InputFile, 'role'>[],
  files: readonly File[],
): ReadonlyMap<PartName, readonly File[]> {
  const parts = new Map<PartName, File[]>();
  for (const [index, { role }] of described.entries()) {
    const name = PART_NAMES[role];
    parts.set(name, [...(parts.get(name) ?? []), files[index] as File]);
  }
  return parts;
}

export function malformed(range: string, name: string, received: unknown): QuietframeError {
  return new QuietframeError('malformed-body', expected(range, name, received));
}
