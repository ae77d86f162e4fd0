/** What `Number` takes beside these (hexadecimal, spaces, nothing at all) is more likely a mistake. */
const DECIMAL = /^-?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;

/**
 * A number as people write it, with an exponent where they like: the one syntax of command line, settings, query and bodies.
 * @returns NaN for anything else, and for what is too large for a number.
 */
export function parseDecimal(text: string): number {
  const value = DECIMAL.test(text) ? Number(text) : Number.NaN;
  return Number.isFinite(value) ? value : Number.NaN;
}
