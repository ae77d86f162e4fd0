import type { ExrSource } from '../../exr/source.js';
import type { OpenedFiles } from '../window/open-files.js';
import type { AskedFor } from './check-request.js';
import type { Stopwatch } from './stopwatch.js';
import type { DenoiseExrOptions, DenoiseExrServices } from './types.js';

/** The work on one view of the files of a request: what all of its steps read. */
export interface ViewTask {
  readonly files: OpenedFiles;
  readonly options: DenoiseExrOptions;
  readonly asked: AskedFor;
  readonly services: DenoiseExrServices;
  readonly watch: Stopwatch;
  readonly output: ViewOutput;
}

/** What a pass over one of several views writes to, and what the file says of the views that were asked for. */
export interface ViewOutput {
  readonly onto: Uint8Array | ExrSource;
  readonly view: string;
}
