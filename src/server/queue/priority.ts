import { expected, QuietframeError } from '../../errors.js';
import type { Caller } from '../auth/tokens.js';
import type { RequestPriority } from './queue-slot.js';

/** Urgency of requests that somebody waits for, and of jobs. */
export const DEFAULT_URGENCY = 3;
export const JOB_URGENCY = 5;

const MOST_SECONDS = 86_400;

/** Headers by name in lower case, as Node and as the Fetch API have them. */
type Header = (name: string) => string | undefined;

/**
 * The terms that a request asks for: `Priority: u=0..7` (RFC 9218), not more urgent than its caller may be, and
 * `Prefer: wait=SECONDS` (RFC 7240), after which it does not want its answer any more. As those standards say, members
 * that are not known are ignored: browsers send some by themselves.
 * @throws QuietframeError `invalid-argument` for a wait that is no number of seconds.
 */
export function parsePriority(header: Header, caller: Caller, urgency = DEFAULT_URGENCY): RequestPriority {
  const [, asked] = /(?:^|[,\s])u=([0-7])(?=$|[,;\s])/.exec(header('priority') ?? '') ?? [];
  return {
    caller,
    urgency: Math.max(caller.urgency, asked === undefined ? urgency : Number(asked)),
    deadline: deadlineOf(header('prefer')),
  };
}

function deadlineOf(prefer: string | undefined): number | undefined {
  const [, wait] = /(?:^|[,;\s])wait\s*=\s*"?([^,;"\s]*)/i.exec(prefer ?? '') ?? [];
  if (wait === undefined) return undefined;
  const seconds = /^\d{1,5}(\.\d+)?$/.test(wait) ? Number(wait) : Number.NaN;
  if (seconds <= MOST_SECONDS) return performance.now() + 1000 * seconds;
  const message = expected(`seconds in [0, ${MOST_SECONDS}]`, 'wait of Prefer', wait);
  throw new QuietframeError('invalid-argument', message, { parameter: 'prefer' });
}
