import { QuietframeError } from '../errors.js';

/** The user has stopped a command, by SIGINT; the message says how far it came. */
export class Interrupted extends Error {}

/** Whether work ended because it was stopped, and not of something that went wrong at that moment. */
export function wasCancelled(error: unknown): boolean {
  return error instanceof QuietframeError && error.code === 'cancelled';
}
