import { clientToken } from '../../config.js';
import { invalidArgument } from '../../errors.js';
import { readInput } from '../read-input.js';

/**
 * The token of the services, of a file or of the environment: on the command line everybody on the machine could read it.
 * @throws QuietframeError `file-system`; `invalid-argument` for what is no token.
 */
export async function readToken(file: string | undefined): Promise<string | undefined> {
  if (file === undefined) return clientToken();
  const token = Buffer.from(await readInput(file))
    .toString('utf8')
    .trim();
  if (/^[\x21-\x7e]+$/.test(token)) return token;
  throw invalidArgument('one token of visible ASCII characters', '--token-file', file);
}
