import { expected, invalidArgument, QuietframeError } from '../../errors.js';

/**
 * The values of parameters, as a query or JSON has them, each once.
 * @param known parameters that there are.
 * @param read reads the text of a parameter.
 * @param find the parameter of a name, where it has further ones.
 * @throws QuietframeError `unknown-parameter`; `invalid-argument` for a parameter that is given twice; as `read`.
 */
export function readQuery<Name extends string>(
  query: Readonly<Record<string, unknown>>,
  known: readonly Name[],
  read: (name: Name, text: string) => unknown,
  find: (given: string) => string | undefined = (given) => given,
): Map<Name, unknown> {
  const values = new Map<Name, unknown>();
  for (const [given, text] of Object.entries(query)) {
    const found = find(given);
    const name = known.find((each) => each === found);
    if (name === undefined) {
      throw new QuietframeError('unknown-parameter', expected(known.join(', '), 'the parameters', given), {
        parameter: given.slice(0, 80),
      });
    }
    if (typeof text !== 'string' || values.has(name)) throw invalidArgument('one value', given, 'several');
    values.set(name, read(name, text));
  }
  return values;
}
