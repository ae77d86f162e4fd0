import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { answerToUnparsable } from './error-handler.js';

/** Milliseconds in which a client may still send the rest of a request that has its answer already. */
const LINGER_MS = 5000;

/** Looks after connections on which request and answer are out of step. */
export class Connections {
  /** The last exchange of each connection. */
  readonly #last = new WeakMap<Duplex, { request: IncomingMessage; response: ServerResponse }>();

  /** A request has begun. */
  opened(request: IncomingMessage, response: ServerResponse): void {
    this.#last.set(request.socket, { request, response });
  }

  /**
   * A request is about to be answered. Where its client still sends and the connection is not to be kept alive, Node
   * would close it right after the answer: bytes that nobody has read reset it, and the client never sees the answer
   * (RFC 9112, 9.6). Only our own side is closed instead.
   */
  answering({ complete, socket }: IncomingMessage): void {
    if (complete === false) socket.destroySoon = () => socket.end();
  }

  /**
   * A request has its answer. Where it was answered early and its client goes on sending, the connection ends, but not
   * at once: it would be reset and the answer lost.
   */
  answered(request: IncomingMessage): void {
    if (request.complete !== false) return;
    const { socket } = request;
    const timer = setTimeout(() => socket.destroy(), LINGER_MS).unref();
    request.once('close', () => {
      clearTimeout(timer);
      if (socket.writableEnded) socket.destroy();
    });
  }

  /**
   * Answers bytes that are no request, or a request that does not arrive, and ends the connection; silently where the
   * client has or gets another answer.
   */
  refuse(error: unknown, socket: Duplex): void {
    const last = this.#last.get(socket);
    const over = last === undefined || (last.response.writableFinished && last.request.complete);
    if (socket.writable && (over || !last.response.headersSent)) socket.end(answerToUnparsable(error));
    else socket.destroy();
  }
}
