// Preloaded into every thread of a quietframe process: notes in the file HEADER_LOG which thread reads the header of which
// file, by its attribute `frameNumber`.
import { appendFileSync } from 'node:fs';
import { threadId } from 'node:worker_threads';
import { HeaderCursor } from '../../dist/exr/header-cursor.js';

const { copy } = HeaderCursor.prototype;
HeaderCursor.prototype.copy = function (length, label) {
  const value = copy.call(this, length, label);
  if (label.startsWith('attribute "frameNumber"')) {
    appendFileSync(process.env.HEADER_LOG, `${threadId} ${Buffer.from(value).toString()}\n`);
  }
  return value;
};
