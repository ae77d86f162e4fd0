import type { HandlerContext } from '@connectrpc/connect';
import { QuietframeError } from '../../errors.js';
import type { AppContext } from '../context.js';
import { LeastRate, type LeastRateOptions } from '../http/least-rate.js';
import { callerOf } from './call-terms.js';
import { abortError, readError } from './rpc-error.js';

export interface ReadingOptions {
  /** Milliseconds in which the last message must have arrived. */
  readonly limitMs: number;
  /** The limit is for every message while it is waited for. */
  readonly each?: boolean;
  readonly signal: AbortSignal;
  readonly leastRate: LeastRateOptions;
  /** Called with the bytes of each chunk of a file. */
  readonly onBytes: (bytes: number) => void;
}

/** Messages of a client. */
export interface Messages<T> extends AsyncGenerator<T, void> {
  /** Ends them, too, when the signal aborts. */
  endWith(signal: AbortSignal): void;
}

/** How the messages of a call are read. */
export function readingOf(call: HandlerContext, { config, callers, leastRate }: AppContext): ReadingOptions {
  return {
    limitMs: 1000 * config.uploadSeconds,
    signal: call.signal,
    leastRate,
    onBytes: (bytes) => callers.received(callerOf(call), bytes),
  };
}

/** What of a message counts. */
interface WithChunk {
  readonly message: { readonly case?: string | undefined; readonly value?: unknown };
}

/**
 * The messages of a client.
 * @throws QuietframeError `request-timeout` after the limit, below the least rate, or after the deadline of the call;
 * `cancelled` when it is aborted; `malformed-body` and `too-large` for what is not a message.
 */
export function readMessages<T extends WithChunk>(
  messages: AsyncIterable<T>,
  { limitMs, each = false, signal, leastRate, onBytes }: ReadingOptions,
): Messages<T> {
  const source = messages[Symbol.asyncIterator]();
  let failure: QuietframeError | undefined;
  let interrupt = (_error: QuietframeError): void => {};
  const stop = (error: QuietframeError): void => {
    failure ??= error;
    interrupt(failure);
  };
  const onAbort = (): void => stop(abortError(signal));
  const onTimeout = (): void =>
    stop(new QuietframeError('request-timeout', 'The messages did not arrive within the time limit'));
  const rate = new LeastRate(leastRate, () =>
    stop(new QuietframeError('request-timeout', 'The messages did not arrive at the least rate')),
  );

  async function* read(): AsyncGenerator<T, void> {
    let timer = setTimeout(onTimeout, limitMs);
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) onAbort();
    try {
      for (;;) {
        rate.wait();
        const next = await new Promise<IteratorResult<T, unknown>>((resolve, reject) => {
          interrupt = reject;
          if (failure === undefined) source.next().then(resolve, reject);
          else reject(failure);
        });
        if (next.done) return;
        const { value } = next.value.message;
        const bytes = value instanceof Uint8Array ? value.length : 0;
        rate.moved(bytes);
        onBytes(bytes);
        if (each) clearTimeout(timer);
        yield next.value;
        if (each) timer = setTimeout(onTimeout, limitMs);
      }
    } catch (error) {
      throw readError(error, signal);
    } finally {
      clearTimeout(timer);
      rate.end();
      signal.removeEventListener('abort', onAbort);
    }
  }
  return Object.assign(read(), {
    endWith: (other: AbortSignal) =>
      other.addEventListener('abort', () => stop(abortError(other)), { once: true }),
  });
}
