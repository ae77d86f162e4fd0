import type { HandlerContext } from '@connectrpc/connect';
import type { AppContext } from '../context.js';
import { LeastRate } from '../http/least-rate.js';
import { END_CALL } from './call-terms.js';

interface Answer {
  readonly message: { readonly case?: string | undefined; readonly value?: unknown };
}

/** Answers of a call, which ends when its client takes them below the least rate. */
export async function* watchReader<T extends Answer>(
  answers: AsyncIterable<T>,
  { values }: HandlerContext,
  { leastRate }: Pick<AppContext, 'leastRate'>,
): AsyncGenerator<T, void> {
  // A generator that waits for its reader cannot throw: the call is reset from outside.
  const rate = new LeastRate(leastRate, values.get(END_CALL));
  try {
    for await (const answer of answers) {
      const { value } = answer.message;
      rate.wait();
      yield answer;
      rate.moved(value instanceof Uint8Array ? value.length : 0);
    }
  } finally {
    rate.end();
  }
}
