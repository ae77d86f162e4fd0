import type { FastifyReply, FastifyRequest } from 'fastify';
import parseRange from 'range-parser';
import { expected, QuietframeError } from '../errors.js';

/**
 * Sends bytes that never change under their digest: answers `If-None-Match` with 304, and `Range` (of one range, and with
 * `If-Range`) with a part of them.
 * @returns the bytes that are sent.
 * @throws QuietframeError `range-not-satisfiable`.
 */
export function sendContent(
  { headers }: FastifyRequest,
  reply: FastifyReply,
  bytes: Uint8Array,
  digest: string,
): number {
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
  const ranges = range === undefined || condition !== tag ? -2 : parseRange(bytes.length, range);
  if (ranges === -1) {
    void reply.header('content-range', `bytes */${bytes.length}`);
    const message = expected(`bytes below ${bytes.length}`, 'Range', range);
    throw new QuietframeError('range-not-satisfiable', message, { parameter: 'range' });
  }
  const [part, another] = ranges === -2 || ranges.type !== 'bytes' ? [] : ranges;
  const whole = part === undefined || another !== undefined;
  const sent = whole ? bytes : bytes.subarray(part.start, part.end + 1);
  if (!whole) {
    void reply.code(206).header('content-range', `bytes ${part.start}-${part.end}/${bytes.length}`);
  }
  void reply.send(Buffer.from(sent.buffer, sent.byteOffset, sent.byteLength));
  return sent.length;
}
