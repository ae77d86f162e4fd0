import type { MessageShape } from '@bufbuild/protobuf';
import { expected, QuietframeError } from '../../errors.js';
import { type PartName, type Upload, uploadOf } from '../exr-body.js';
import {
  type DenoiseOptions,
  type DenoiseRequestSchema,
  FileRole,
  type InputFile,
} from '../gen/quietframe/v1/denoiser_pb.js';

export type DenoiseMessages = AsyncIterator<MessageShape<typeof DenoiseRequestSchema>, unknown>;

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
  let total = 0n;
  for (const [index, { role, sizeBytes }] of files.entries()) {
    const name = `files[${index}]`;
    if (FileRole[role] === undefined) {
      const message = expected('a value of FileRole', `role of ${name}`, role);
      throw new QuietframeError('invalid-argument', message, { parameter: 'files' });
    }
    if (sizeBytes === 0n) {
      throw new QuietframeError('empty-body', expected('an OpenEXR file', name, 'nothing'), { frame: name });
    }
    total += sizeBytes;
  }
  if (files.length === 0) {
    throw new QuietframeError('empty-body', expected('at least one', 'files', 'none'), {
      parameter: 'files',
    });
  }
  uploadOf(
    partsOf(
      files,
      files.map(() => new Uint8Array()),
    ),
  );
  if (total > BigInt(maxBytes)) {
    throw new QuietframeError('too-large', expected(`at most ${maxBytes}`, 'the bytes of all files', total), {
      parameter: 'files',
    });
  }
}

/**
 * The files that {@link checkFiles} has passed, to the end of what the client sends, in memory that workers can read
 * without a copy.
 * @throws QuietframeError `too-large` for a chunk above 1 MiB; `malformed-body` for anything but chunks, for an empty
 * one, and for fewer or more bytes than were announced; and as the messages do.
 */
export async function receiveFiles(messages: DenoiseMessages, files: readonly InputFile[]): Promise<Upload> {
  const total = files.reduce((sum, { sizeBytes }) => sum + Number(sizeBytes), 0);
  // The system backs it with memory only once it is written.
  const buffer = new SharedArrayBuffer(total);
  const bytes = new Uint8Array(buffer);
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
  const received = files.map(({ sizeBytes }) => {
    const start = end;
    end += Number(sizeBytes);
    return bytes.subarray(start, end);
  });
  return uploadOf(partsOf(files, received));
}

const PART_NAMES: Readonly<Record<FileRole, PartName>> = {
  [FileRole.UNSPECIFIED]: 'frame',
  [FileRole.FRAME]: 'frame',
  [FileRole.HALF_A]: 'half_a',
  [FileRole.HALF_B]: 'half_b',
};

/** The bytes of files, by the names of the form's parts. */
function partsOf(
  files: readonly InputFile[],
  bytes: readonly Uint8Array[],
): ReadonlyMap<PartName, readonly Uint8Array[]> {
  const parts = new Map<PartName, Uint8Array[]>();
  for (const [index, { role }] of files.entries()) {
    const name = PART_NAMES[role];
    parts.set(name, [...(parts.get(name) ?? []), bytes[index] as Uint8Array]);
  }
  return parts;
}

function malformed(range: string, name: string, received: unknown): QuietframeError {
  return new QuietframeError('malformed-body', expected(range, name, received));
}
