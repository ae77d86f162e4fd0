import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import {
  constants,
  createSecureServer,
  createServer,
  type Http2SecureServer,
  type Http2Server,
  Http2ServerRequest,
  type Http2ServerResponse,
  type ServerHttp2Session,
} from 'node:http2';
import type { AddressInfo } from 'node:net';
import { Server as TlsServer } from 'node:tls';
import { createContextValues } from '@connectrpc/connect';
import { connectNodeAdapter } from '@connectrpc/connect-node';
import type { FastifyBaseLogger } from 'fastify';
import { QuietframeError } from '../../errors.js';
import { renewTls } from '../auth/tls.js';
import { TrustedProxies } from '../auth/trusted-proxies.js';
import type { AppContext } from '../context.js';
import { DenoiserService } from '../gen/quietframe/v1/denoiser_pb.js';
import { ADDRESS, AUTHORITY, authenticateCalls, END_CALL } from './call-terms.js';
import { denoiserService } from './denoiser-service.js';
import { healthService } from './health-service.js';
import { observeCalls } from './observe-calls.js';
import { MAX_CHUNK_BYTES } from './receive-files.js';

const SEQUENCE = `/${DenoiserService.typeName}/${DenoiserService.method.denoiseSequence.name}`;
/** Bytes of a message beside its chunk. */
const MESSAGE_OVERHEAD = 1024;
/** Bytes that a client may have on the way in one call, and in all calls of its connection together. */
const CALL_WINDOW = 2 ** 20;
const CONNECTION_WINDOW = 2 ** 22;
/** Milliseconds that a connection is kept without a call. */
const IDLE_MS = 60_000;
/** Milliseconds that a call which does not arrive in time gets for its answer. */
const LINGER_MS = 5000;

/** The gRPC interface: HTTP/2 on a port of its own, with TLS where HTTP has it. */
export class GrpcServer {
  readonly #server: Http2Server | Http2SecureServer;
  readonly #sessions = new Set<ServerHttp2Session>();
  readonly #shutdown = new AbortController();
  readonly #closing = new AbortController();

  constructor(context: AppContext, log: FastifyBaseLogger) {
    const proxies = new TrustedProxies(context.config.trustProxy);
    const handle = connectNodeAdapter({
      grpcWeb: false,
      connect: false,
      // OpenEXR files are compressed already.
      acceptCompression: [],
      readMaxBytes: MAX_CHUNK_BYTES + MESSAGE_OVERHEAD,
      shutdownSignal: this.#shutdown.signal,
      contextValues: (request) =>
        createContextValues()
          .set(ADDRESS, proxies.clientOf(request.socket?.remoteAddress ?? '', forwardedFor(request)))
          .set(AUTHORITY, authorityOf(request))
          .set(END_CALL, () => endCall(request)),
      interceptors: [observeCalls(context, log), authenticateCalls(context.callers, context.origins)],
      routes: (router) => {
        denoiserService(router, context);
        healthService(router, context.lifecycle);
      },
    });
    const options = {
      settings: { initialWindowSize: CALL_WINDOW, maxConcurrentStreams: 128, enablePush: false },
      maxSessionInvalidFrames: 100,
    };
    const { tls } = context;
    this.#server = tls === undefined ? createServer(options) : createSecureServer({ ...options, ...tls });
    if (this.#server instanceof TlsServer) renewTls(this.#server, context.config, log, this.#closing.signal);
    const uploadMs = 1000 * context.config.uploadSeconds;
    const idleMs = Math.min(IDLE_MS, uploadMs);
    this.#server.maxConnections = context.config.maxConnections;
    this.#server
      .on('session', (session) => {
        this.#sessions.add(session);
        session.setLocalWindowSize(CONNECTION_WINDOW);
        session.on('close', () => this.#sessions.delete(session)).on('error', () => {});
        endIdle(session, idleMs);
      })
      .on('request', (request, response) => {
        // A sequence takes as long as its frames; each message of it has the same limit.
        if (request.url !== SEQUENCE) endStalled(request, response, uploadMs + LINGER_MS);
        try {
          handle(request, response);
        } catch (error) {
          // An authority that is no part of a URL.
          log.debug({ err: error }, 'A request that is not a call');
          response.stream.close(constants.NGHTTP2_PROTOCOL_ERROR);
        }
      });
  }

  /**
   * @returns the address.
   * @throws the error of the system when the address cannot be had.
   */
  async listen(host: string, port: number): Promise<AddressInfo> {
    this.#server.listen(port, host);
    await once(this.#server, 'listening');
    return this.#server.address() as AddressInfo;
  }

  /** Takes no more calls, and resolves when those that run have ended. */
  async close(): Promise<void> {
    this.#closing.abort();
    if (!this.#server.listening) return;
    const closed = new Promise((resolve) => this.#server.close(resolve));
    for (const session of this.#sessions) session.close();
    await closed;
  }

  /** Ends the calls that still run, and their connections. */
  cancelAll(): void {
    this.#shutdown.abort(new QuietframeError('overloaded', 'The service is stopping'));
    for (const session of this.#sessions) session.destroy();
  }
}

/** Ends a connection on which there is no call for a while; its client opens another one when it needs it. */
function endIdle(session: ServerHttp2Session, idleMs: number): void {
  let calls = 0;
  let timer: NodeJS.Timeout | undefined;
  const wait = (): void => {
    timer = setTimeout(() => {
      session.close();
      timer = setTimeout(() => session.destroy(), LINGER_MS).unref();
    }, idleMs).unref();
  };
  wait();
  session
    .on('stream', (stream) => {
      calls++;
      clearTimeout(timer);
      stream.once('close', () => {
        calls--;
        if (calls === 0 && !session.closed) wait();
      });
    })
    .once('close', () => clearTimeout(timer));
}

function forwardedFor({ headers }: Pick<IncomingMessage, 'headers'>): string | undefined {
  return headers['x-forwarded-for']?.toString();
}

function authorityOf(request: object): string | undefined {
  return request instanceof Http2ServerRequest ? request.authority : undefined;
}

/** Resets the stream of a call. */
function endCall(request: object): void {
  if (request instanceof Http2ServerRequest) request.stream.close(constants.NGHTTP2_CANCEL);
}

/** Resets a call whose request does not end in time, or not before its answer. */
function endStalled(request: Http2ServerRequest, response: Http2ServerResponse, limitMs: number): void {
  const { stream } = response;
  const end = (): void => {
    if (!stream.destroyed && !request.complete) stream.close(constants.NGHTTP2_NO_ERROR);
  };
  const timer = setTimeout(end, limitMs).unref();
  // The response has sent its trailers by then: it listens since before.
  stream.once('wantTrailers', () => setImmediate(end)).once('close', () => clearTimeout(timer));
}
