import { Readable } from 'node:stream';
import type { FastifyReply, FastifyRequest } from 'fastify';
import parseRange from 'range-parser';
import { expected, QuietframeError } from '../../errors.js';
import type { AppContext } from '../context.js';
import type { OwnedFrames } from '../frames/owned-frames.js';
import type { AnswerMemory } from '../queue/answer-memory.js';
import { pacedAnswer, piecesOf, type ReadPiece } from './paced-answer.js';

/** Bytes that never change under their digest, and that are read as they are sent. */
export interface Content {
  readonly digest: string;
  readonly length: number;
  readonly read: ReadPiece;
  /** Called once when they are needed no more. */
  readonly close: () => void;
}

/**
 * Opens what is kept under a digest: in memory, where it counts among the answers that wait for their readers, or as a
 * file, of which no more is in memory than what is being sent.
 * @returns undefined when it is not kept.
 * @throws QuietframeError `overloaded` where it could only be held in memory, and there is no room.
 */
export async function openContent(
  digest: string,
  frames: OwnedFrames,
  answers: AnswerMemory,
): Promise<Content | undefined> {
  const kept = frames.inMemory(digest);
  const release = kept && answers.hold(digest, kept.length);
  if (kept !== undefined && release !== undefined) {
    return { digest, length: kept.length, read: piecesOf(kept), close: release };
  }
  const file = await frames.openSpooled(digest);
  if (file !== undefined) {
    return { digest, length: file.length, read: file.read, close: () => void file.close() };
  }
  if (kept === undefined) return undefined;
  const message = 'The result cannot be held in memory beside the answers that are being read';
  throw new QuietframeError('overloaded', message, { retryAfter: 5 });
}

/**
 * Sends content: answers `If-None-Match` with 304, and `Range` (of one range, and with `If-Range`) with a part of it.
 * @returns the bytes that are sent.
 * @throws QuietframeError `range-not-satisfiable`.
 */
export function sendContent(
  { headers, method }: FastifyRequest,
  reply: FastifyReply,
  { digest, length, read, close }: Content,
  leastRate: AppContext['leastRate'],
): number {
  if (reply.raw.closed) close();
  else reply.raw.once('close', close);
  const tag = `"${digest}"`;
  void reply
    .header('etag', tag)
    .header('accept-ranges', 'bytes')
    .header('cache-control', 'private, no-cache');
  const known = headers['if-none-match']?.split(',').map((each) => each.trim().replace(/^W\//, ''));
  if (known?.includes(tag) || known?.includes('*')) {
    void reply.code(304).send();
    return 0;
  }
  const { range, 'if-range': condition = tag } = headers;
  const ranges = range === undefined || condition !== tag ? -2 : parseRange(length, range);
  if (ranges === -1) {
    void reply.header('content-range', `bytes */${length}`);
    const message = expected(`bytes below ${length}`, 'Range', range);
    throw new QuietframeError('range-not-satisfiable', message, { parameter: 'range' });
  }
  const [part, another] = ranges === -2 || ranges.type !== 'bytes' ? [] : ranges;
  const isWhole = part === undefined || another !== undefined;
  const [start, end] = isWhole ? [0, length] : [part.start, part.end + 1];
  if (!isWhole) void reply.code(206).header('content-range', `bytes ${start}-${end - 1}/${length}`);
  void reply.header('content-length', end - start);
  if (method === 'HEAD') {
    // Fastify takes the length of what it is given; a stream has none.
    void reply.send(Readable.from([]));
    return 0;
  }
  const readPart: ReadPiece = (from, to) => read(start + from, start + to);
  void reply.send(pacedAnswer(reply, end - start, readPart, leastRate));
  return end - start;
}
