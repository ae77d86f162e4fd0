import { Readable } from 'node:stream';
import type { FastifyReply } from 'fastify';
import { LeastRate, type LeastRateOptions } from './least-rate.js';

/** Bytes that are sent before the reader has to take some. */
export const PIECE_BYTES = 2 ** 16;

/** Part of what is sent: at most {@link PIECE_BYTES} from an offset. */
export type ReadPiece = (start: number, end: number) => Uint8Array | Promise<Uint8Array>;

/**
 * Sends bytes piece by piece, as fast as their reader takes them. A reader below the least rate loses its connection: it
 * would keep them in memory, or a file open, for as long as it likes.
 */
export function pacedAnswer(
  reply: FastifyReply,
  length: number,
  read: ReadPiece,
  leastRate: LeastRateOptions,
): Readable {
  const rate = watchReader(reply, leastRate);
  let at = 0;
  let sent = 0;
  return new Readable({
    highWaterMark: PIECE_BYTES,
    async read() {
      rate.moved(sent);
      sent = 0;
      if (at === length) {
        this.push(null);
        rate.wait();
        return;
      }
      try {
        const { buffer, byteOffset, byteLength } = await read(at, Math.min(length, at + PIECE_BYTES));
        at += byteLength;
        sent = byteLength;
        rate.wait();
        this.push(Buffer.from(buffer, byteOffset, byteLength));
      } catch (error) {
        this.destroy(error instanceof Error ? error : new Error(String(error)));
      }
    },
  });
}

/** A watch over the reader of an answer, which ends with it. */
export function watchReader({ raw }: FastifyReply, leastRate: LeastRateOptions): LeastRate {
  const rate = new LeastRate(leastRate, () => raw.destroy());
  if (raw.closed) rate.end();
  else raw.once('close', () => rate.end());
  return rate;
}

/** An answer in memory as {@link ReadPiece}. */
export function piecesOf(bytes: Uint8Array): ReadPiece {
  return (start, end) => bytes.subarray(start, end);
}
