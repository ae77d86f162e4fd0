import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { ERROR_TABLE, expected, QuietframeError } from '../src/errors.js';

const SOURCE = new URL('../src/', import.meta.url);
const files = readdirSync(SOURCE, { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.ts') && !path.includes('gen/'))
  .map((path) => [path, readFileSync(new URL(path, SOURCE), 'utf8')] as const);

/** Messages that are written out: text that is no code of the table, given to the error or named `message`. */
const messages = files.flatMap(([path, text]) =>
  [
    ...text.matchAll(/new QuietframeError\(\s*[^,()]+,\s*(['`])(.*?)\1/gs),
    ...text.matchAll(/\bmessage = (['`])(.*?)\1;/gs),
  ].map(([, , message]) => [message as string, path] as const),
);

/** The form of `expected`, where a reason is added to it. */
const EXPECTED = /^Expected .+ for .+ but received .+/;

/** What an error says where nothing was expected of the caller: who cannot do what, or what has happened. */
const SENTENCE =
  /^(The|A|Denoising) .*(cannot be|cannot keep|failed|stopped|is stopping|was cancelled|was not built|went away|has passed|answered|did not arrive|ended before)/;

describe('messages', () => {
  it('finds those of the source', () => {
    expect(messages.length).toBeGreaterThan(25);
    expect(messages.map(([message]) => message)).toContain('The deadline of the request has passed');
  });

  it.each(
    messages.filter(
      ([message]) =>
        !/^\$\{[\w.]+\}( answered \$\{status\})?: \$\{|^\$\{(error\.)?message\}|^\$\{why\}/.test(message),
    ),
  )('"%s" (%s) is a sentence of the one voice', (message) => {
    // The warnings of reports say what was found and what was done instead.
    const isWarning = /used|taken|left out|denoised as a whole|limited|decoded|estimated|alike/.test(message);
    expect(isWarning || SENTENCE.test(message) || EXPECTED.test(message)).toBe(true);
    expect(message).not.toMatch(/[.!]$|could not/);
  });
});

it('says what was expected, of what, and what came', () => {
  expect(expected('a number in [1, 10]', 'lambda', '11')).toBe(
    'Expected a number in [1, 10] for lambda but received "11"',
  );
  expect(expected('pixels', 'the frame', 'x'.repeat(200)).length).toBeLessThan(130);
});

it('gives each code its status', () => {
  for (const [code, { status }] of Object.entries(ERROR_TABLE)) {
    expect(new QuietframeError(code as keyof typeof ERROR_TABLE, 'x').status).toBe(status);
  }
});
