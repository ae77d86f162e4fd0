import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { Server as TlsServer } from 'node:tls';
import { answerToUnparsable } from './problem.js';

/** Milliseconds in which a client may still send the rest of a request that has its answer already. */
const LINGER_MS = 5000;

/** Listeners for the end of one answer that are no leak. */
const CLOSE_LISTENERS = 24;

/** Looks after connections on which request and answer are out of step, and after their end. */
export class Connections {
  /** The last exchange of each connection. */
  readonly #last = new WeakMap<Duplex, { request: IncomingMessage; response: ServerResponse }>();
  /** Connections, with the bytes that each had read before it had nothing to answer. */
  readonly #open = new Map<Socket, number>();
  #draining = false;

  /**
   * Takes over which connections of a server are idle: Node's own notion has those among them whose answer is written, but
   * not sent yet.
   */
  watch(server: Server, maxConnections: number): void {
    server.maxConnections = maxConnections;
    server.on(server instanceof TlsServer ? 'secureConnection' : 'connection', (socket: Socket) => {
      this.#open.set(socket, socket.bytesRead);
      socket.once('close', () => this.#open.delete(socket));
    });
    server.closeIdleConnections = () => this.drain();
  }

  /** Closes the connections that nothing is being sent on, and all others after their answer. */
  drain(): void {
    this.#draining = true;
    for (const [socket, bytesRead] of this.#open) {
      const last = this.#last.get(socket);
      // The head of a request may be on its way.
      const isSilent = socket.bytesRead === bytesRead;
      if (isSilent && (last === undefined || last.response.closed)) socket.destroy();
    }
  }

  /** A request has begun. */
  opened(request: IncomingMessage, response: ServerResponse): void {
    const { socket } = request;
    this.#last.set(socket, { request, response });
    // Admission, pacing, draining, metrics and traces each wait for its end: more than the ten that Node takes for a leak.
    response.setMaxListeners(CLOSE_LISTENERS);
    response.once('close', () => {
      if (this.#open.has(socket)) this.#open.set(socket, socket.bytesRead);
      // Its header may have said that the connection is kept alive.
      if (this.#draining && !socket.destroyed) socket.destroySoon();
    });
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
    if (!socket.writable || !(over || !last.response.headersSent)) {
      socket.destroy();
      return;
    }
    socket.end(answerToUnparsable(error));
    // A client that never closes its side would keep the connection.
    const timer = setTimeout(() => socket.destroy(), LINGER_MS).unref();
    socket.once('close', () => clearTimeout(timer));
  }
}

/** Whether an answer that has closed was sent whole: a connection that is destroyed drops what was written to it. */
export function wasSent({ socket }: IncomingMessage, response: ServerResponse): boolean {
  return response.writableFinished && (!socket.destroyed || socket.writableFinished);
}
