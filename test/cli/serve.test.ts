import { expect, it } from 'vitest';
import { logLevelFor } from '../../src/cli/commands/serve.js';

it('logs no lines of JSON for a person at a terminal, and all that was asked for', () => {
  expect(logLevelFor({ logLevel: 'info' }, true)).toBe('warn');
  expect(logLevelFor({ logLevel: 'info' }, false)).toBe('info');
  expect(logLevelFor({ logLevel: 'debug' }, true)).toBe('debug');
});
