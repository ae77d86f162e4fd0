import { byId, input } from './page.js';
import { Problem } from './service.js';

/** Toasts beyond this many push the oldest one out. */
const MOST_TOASTS = 3;

/** What happened, for a person; the details go below it. */
const HEADLINES: Readonly<Record<string, string>> = {
  gone: 'The service does not answer',
  forbidden: 'The service does not allow this',
  'too-many-requests': 'The service is busy: try again in a moment',
  'too-large': 'The frames are too large for the service',
  'mismatched-frames': 'The frames do not belong together',
  'missing-layer': 'The file lacks a layer that the model needs',
  'malformed-exr': 'A file is damaged: render or copy it again',
  'unsupported-exr': 'A file uses a feature of OpenEXR that is not supported',
  'invalid-argument': 'The service rejects a setting',
  'not-implemented':
    'The model cannot do this: try without maps, without keeping noise, or with a window of 1',
  'unknown-model': 'The service does not have this model',
  overloaded: 'The service is busy: try again in a moment',
};

/** A problem with a file, in a person's words; the technical message goes below it. */
export class FileProblem extends Error {
  constructor(
    readonly headline: string,
    detail: string,
  ) {
    super(detail);
  }
}

/** Shows what the viewer does or has done in the status line. */
export function setStatus(message: string): void {
  const status = byId('status');
  status.textContent = message;
  status.title = message;
}

/** Shows an error as a toast, until it is closed or files are opened. */
export function showError(error: unknown): void {
  const [headline, detail] = explain(error);
  const toasts = byId('toasts');
  for (const toast of [...toasts.children]) if (toast.firstChild?.textContent === headline) toast.remove();
  const toast = document.createElement('div');
  toast.className = 'toast';
  const title = document.createElement('strong');
  title.textContent = headline;
  const close = document.createElement('button');
  close.type = 'button';
  close.textContent = '\u00d7';
  close.setAttribute('aria-label', 'Close');
  close.addEventListener('click', () => toast.remove());
  const text = document.createElement('span');
  text.textContent = detail;
  toast.append(title, close, text);
  toasts.append(toast);
  while (toasts.children.length > MOST_TOASTS) toasts.firstElementChild?.remove();
  setStatus('');
}

export function closeErrors(): void {
  byId('toasts').replaceChildren();
}

/** What happened, and the details. */
export function explain(error: unknown): readonly [headline: string, detail: string] {
  if (!(error instanceof Error)) return ['Something unexpected has happened', 'Reload the page'];
  if (error instanceof FileProblem) return [error.headline, error.message];
  if (!(error instanceof Problem)) return [error.message, ''];
  if (error.code === 'unauthenticated') {
    return input('token').value === ''
      ? ['The service asks for a token', 'Enter it below the model']
      : ['The service does not accept this token', 'Enter another one below the model'];
  }
  return [HEADLINES[error.code] ?? 'The service reports a problem', error.message];
}
