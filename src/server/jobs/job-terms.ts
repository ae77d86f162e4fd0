import { invalidArgument } from '../../errors.js';
import type { Webhooks } from './webhooks.js';

/** A request for a job: what is for the job as a whole, and the parameters of its frames. */
export interface JobTerms {
  /** URL that is told of its end. */
  readonly webhook?: string;
  /** Frames can be seen while they are worked on. */
  readonly progressive?: true;
  readonly parameters: Readonly<Record<string, unknown>>;
}

/**
 * Takes the parameters `webhook` and `progressive`.
 * @throws QuietframeError `invalid-argument` for values out of range, for a webhook that may not be called, or where webhooks
 * are off.
 */
export function takeJobTerms(
  given: Readonly<Record<string, unknown>>,
  webhooks: Pick<Webhooks, 'check'> | undefined,
): JobTerms {
  const { webhook, progressive, ...parameters } = given;
  if (progressive !== undefined && progressive !== 'true' && progressive !== 'false') {
    throw invalidArgument('true or false', 'progressive', String(progressive));
  }
  const terms = { parameters, ...(progressive === 'true' && { progressive: true as const }) };
  if (webhook === undefined) return terms;
  if (typeof webhook !== 'string' || webhooks === undefined) {
    const range = webhooks === undefined ? 'nothing, for this service has no --webhook-hosts,' : 'one URL';
    throw invalidArgument(range, 'webhook', 'a value');
  }
  webhooks.check(webhook);
  return { ...terms, webhook };
}
