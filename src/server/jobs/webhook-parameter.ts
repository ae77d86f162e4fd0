import { invalidArgument } from '../../errors.js';
import type { Webhooks } from './webhooks.js';

/** A request for a job, without what says whom to tell of its end. */
export interface TakenWebhook {
  readonly webhook?: string;
  readonly parameters: Readonly<Record<string, unknown>>;
}

/**
 * Takes the parameter `webhook`.
 * @throws QuietframeError `invalid-argument` where it may not be called, or where webhooks are off.
 */
export function takeWebhook(
  given: Readonly<Record<string, unknown>>,
  webhooks: Pick<Webhooks, 'check'> | undefined,
): TakenWebhook {
  const { webhook, ...parameters } = given;
  if (webhook === undefined) return { parameters };
  if (typeof webhook !== 'string' || webhooks === undefined) {
    const range = webhooks === undefined ? 'nothing, for this service has no --webhook-hosts,' : 'one URL';
    throw invalidArgument(range, 'webhook', 'a value');
  }
  webhooks.check(webhook);
  return { webhook, parameters };
}
