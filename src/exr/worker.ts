import type { Image } from '../image/image.js';
import type { FileRole } from '../image/joined-parts.js';
import { serveJobs } from '../threads/serve-jobs.js';
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

/** What the pool asks of a worker. */
export interface ExrJobs {
  readonly inspect: {
    readonly given: { readonly bytes: Uint8Array; readonly limits: Partial<ExrLimits> };
    readonly answer: ExrSummary;
  };
  readonly read: {
    readonly given: {
      readonly bytes: Uint8Array;
      /** As the caller has read it. */
      readonly header: ExrLayout;
      readonly limits: Partial<ExrLimits>;
      readonly names: ReadonlySet<string>[];
    };
    readonly answer: Image;
  };
  readonly replace: {
    readonly given: {
      readonly original: Uint8Array;
      /** As the caller has read it. */
      readonly header: ExrLayout;
      readonly limits: Partial<ExrLimits>;
      readonly replacements: Replacements;
      readonly options: ReplaceOptions;
    };
    readonly answer: Uint8Array;
  };
  readonly join: {
    readonly given: {
      readonly original: Uint8Array;
      readonly others: ReadonlyMap<FileRole, Uint8Array>;
      readonly limits: Partial<ExrLimits>;
    };
    readonly answer: Uint8Array;
  };
  readonly write: {
    readonly given: { readonly image: Image; readonly options: WriteOptions };
    readonly answer: Uint8Array;
  };
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

serveJobs<ExrJobs>(
  {
    inspect: ({ bytes, limits }) => summaryOf(bytes, limits),
    read: ({ bytes, header, limits, names }) =>
      readPlanes(bytes, completeHeader(bytes, header, limits), names),
    replace: ({ original, header, limits, replacements, options }) =>
      replaceChannels(original, completeHeader(original, header, limits), replacements, options),
    join: ({ original, others, limits }) => joinFiles(original, others, limits),
    write: ({ image, options }) => writeExr(image, options),
  },
  { moves: true },
);
