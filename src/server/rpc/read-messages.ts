import { QuietframeError } from '../../errors.js';
import { abortError, readError } from './rpc-error.js';

/**
 * The messages of a client.
 * @param limitMs milliseconds in which the last of them must have arrived; or, with `each`, every one of them while it is
 * waited for.
 * @throws QuietframeError `request-timeout` after the limit or the deadline of the call; `cancelled` when it is aborted;
 * `malformed-body` and `too-large` for what is not a message.
 */
export async function* readMessages<T>(
  messages: AsyncIterable<T>,
  limitMs: number,
  signal: AbortSignal,
  each = false,
): AsyncGenerator<T, void> {
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
  let timer = setTimeout(onTimeout, limitMs);
  signal.addEventListener('abort', onAbort, { once: true });
  if (signal.aborted) onAbort();
  try {
    for (;;) {
      const next = await new Promise<IteratorResult<T, unknown>>((resolve, reject) => {
        interrupt = reject;
        if (failure === undefined) source.next().then(resolve, reject);
        else reject(failure);
      });
      if (next.done) return;
      if (each) clearTimeout(timer);
      yield next.value;
      if (each) timer = setTimeout(onTimeout, limitMs);
    }
  } catch (error) {
    throw readError(error, signal);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', onAbort);
  }
}
