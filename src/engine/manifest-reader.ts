import { expected, QuietframeError } from '../errors.js';

/** Checks values and words what is wrong with them. */
export class Reader {
  constructor(private readonly origin: string) {}

  error(range: string, name: string, received: unknown): QuietframeError {
    return new QuietframeError('model-damaged', expected(range, `${name} of model ${this.origin}`, received));
  }

  json(text: string): unknown {
    try {
      return JSON.parse(text);
    } catch (cause) {
      const message = expected('JSON', `the manifest of model ${this.origin}`, text);
      throw new QuietframeError('model-damaged', message, {}, { cause });
    }
  }

  /** An object with exactly these keys, and perhaps the optional ones; with any where none are given. */
  record(
    value: unknown,
    name: string,
    keys?: readonly string[],
    optional: readonly string[] = [],
  ): Record<string, unknown> {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      throw this.error('an object', name, value);
    }
    const entries = Object.fromEntries(Object.entries(value));
    for (const key of keys ?? []) if (!(key in entries)) throw this.error(`"${key}" in`, name, 'none');
    const unknown =
      keys && Object.keys(entries).find((key) => !keys.includes(key) && !optional.includes(key));
    if (unknown !== undefined) throw this.error('known keys', name, unknown);
    return entries;
  }

  list(value: unknown, name: string): unknown[] {
    if (!Array.isArray(value)) throw this.error('a list', name, value);
    return value;
  }

  text(value: unknown, name: string, pattern = /^[^\0]{0,10000}$/): string {
    if (typeof value !== 'string' || !pattern.test(value))
      throw this.error(`text as ${pattern}`, name, value);
    return value;
  }

  /** A number from `least` to `most`. */
  number(value: unknown, name: string, least: number, most: number): number {
    if (typeof value !== 'number' || !(value >= least && value <= most)) {
      throw this.error(`a number from ${least} to ${most}`, name, value);
    }
    return value;
  }

  integer(value: unknown, name: string, least: number, most: number): number {
    if (typeof value !== 'number' || !Number.isInteger(value) || value < least || value > most) {
      throw this.error(`a whole number from ${least} to ${most}`, name, value);
    }
    return value;
  }
}
