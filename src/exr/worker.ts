import { parentPort } from 'node:worker_threads';
import { type ErrorCode, type ErrorDetails, QuietframeError } from '../errors.js';
import type { Image } from '../image/image.js';
import type { FileRole } from '../image/joined-parts.js';
import { completeHeader, readHeader } from './header.js';
import { joinFiles } from './join-files.js';
import type { ExrLayout, ExrPartLayout } from './layout.js';
import type { ExrLimits } from './limits.js';
import { readPlanes } from './read-exr.js';
import { type Replacements, type ReplaceOptions, replaceChannels } from './replace-channels.js';
import { type WriteOptions, writeExr } from './write-exr.js';

/** A part without its attributes and without the positions of its chunks. */
export type SummaryPart = Pick<
  ExrPartLayout,
  'dataWindow' | 'displayWindow' | 'compression' | 'tiles' | 'channels' | 'unreadable'
>;

/** What of a file's header decides whether and when it is worked on. It is small, whatever the file holds. */
export interface ExrSummary {
  /** Bytes of the file. */
  readonly length: number;
  readonly parts: readonly SummaryPart[];
}

export type ExrValue = Image | Uint8Array | ExrSummary;

/** What the pool asks of a worker; the results are a summary for `inspect`, an Image for `read`, else the bytes of a file. */
export type ExrTask =
  | { kind: 'inspect'; bytes: Uint8Array; limits: Partial<ExrLimits> }
  | {
      kind: 'read';
      bytes: Uint8Array;
      /** As the caller has read it. */
      header: ExrLayout;
      limits: Partial<ExrLimits>;
      names: ReadonlySet<string>[];
    }
  | {
      kind: 'replace';
      original: Uint8Array;
      /** As the caller has read it. */
      header: ExrLayout;
      limits: Partial<ExrLimits>;
      replacements: Replacements;
      options: ReplaceOptions;
    }
  | {
      kind: 'join';
      original: Uint8Array;
      others: ReadonlyMap<FileRole, Uint8Array>;
      limits: Partial<ExrLimits>;
    }
  | { kind: 'write'; image: Image; options: WriteOptions };

export type ExrAnswer =
  | { value: ExrValue }
  | { error: { code: ErrorCode; message: string; details: ErrorDetails; cause?: unknown } };

function run(task: ExrTask): { value: ExrValue; buffers: ArrayBuffer[] } {
  switch (task.kind) {
    case 'inspect':
      return { value: summaryOf(task.bytes, task.limits), buffers: [] };
    case 'read': {
      const image = readPlanes(task.bytes, completeHeader(task.bytes, task.header, task.limits), task.names);
      const buffers = image.parts.flatMap((part) =>
        [...part.planes.values()].map((plane) => plane.data.buffer as ArrayBuffer),
      );
      return { value: image, buffers };
    }
    case 'replace': {
      const header = completeHeader(task.original, task.header, task.limits);
      return written(replaceChannels(task.original, header, task.replacements, task.options));
    }
    case 'join':
      return written(joinFiles(task.original, task.others, task.limits));
    case 'write':
      return written(writeExr(task.image, task.options));
  }
}

function summaryOf(bytes: Uint8Array, limits: Partial<ExrLimits>): ExrSummary {
  const parts = readHeader(bytes, limits).parts.map(
    ({ dataWindow, displayWindow, compression, tiles, channels, unreadable }) => ({
      ...{ dataWindow, displayWindow, compression, tiles, channels },
      ...(unreadable && { unreadable }),
    }),
  );
  return { length: bytes.length, parts };
}

function written(bytes: Uint8Array): { value: Uint8Array; buffers: ArrayBuffer[] } {
  return { value: bytes, buffers: [bytes.buffer as ArrayBuffer] };
}

function answer(task: ExrTask): { answer: ExrAnswer; buffers: ArrayBuffer[] } {
  try {
    const { value, buffers } = run(task);
    return { answer: { value }, buffers };
  } catch (error) {
    const known = error instanceof QuietframeError;
    const { code, details } = known ? error : { code: 'internal' as const, details: {} };
    const message = known ? error.message : 'The OpenEXR codec failed';
    const cause = String(error instanceof Error ? error.stack : error);
    return { answer: { error: { code, message, details, cause } }, buffers: [] };
  }
}

const port = parentPort;
port?.on('message', (task: ExrTask) => {
  const { answer: reply, buffers } = answer(task);
  port.postMessage(reply, buffers);
});
