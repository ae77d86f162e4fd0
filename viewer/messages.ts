import { byId, input } from './page.js';
import { Problem } from './service.js';

/** Shows a message in the status line; an error as a problem. */
export function setStatus(message: unknown): void {
  const status = byId('status');
  status.classList.toggle('problem', message instanceof Error);
  status.textContent = message instanceof Error ? explain(message) : String(message);
  status.title = status.textContent;
}

/** The problem, and what to do about it. */
export function explain(error: unknown): string {
  if (!(error instanceof Error)) return 'Something unexpected has happened: reload the page';
  if (!(error instanceof Problem)) return error.message;
  if (error.code === 'unauthenticated') {
    return input('token').value === ''
      ? 'The service asks for a token: enter it below the model'
      : 'The service does not accept this token';
  }
  if (error.code === 'not-implemented')
    return `${error.message}: try without maps, with lambda 1 or a window of 1`;
  return error.message;
}
