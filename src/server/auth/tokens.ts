import { createHash, timingSafeEqual } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { isDeepStrictEqual } from 'node:util';
import { expected, invalidArgument, QuietframeError } from '../../errors.js';

/** Who sends requests, and what it may have of the service. */
export interface Caller {
  /** Of the token, or the address where no tokens are asked for. */
  readonly name: string;
  /** Requests at once. */
  readonly places: number;
  /** Jobs that have not ended. */
  readonly jobs: number;
  /** The most urgent that its requests can be. */
  readonly urgency: number;
}

/** Quotas of a token in the file of tokens. Those that are left out do not limit. */
const QUOTAS = {
  requestsPerMinute: [1, 1e9],
  bytesPerHour: [1, Number.MAX_SAFE_INTEGER],
  concurrent: [1, 1e6],
  jobs: [0, 1e6],
  urgency: [0, 7],
} as const satisfies Record<string, readonly [number, number]>;
type Quotas = Partial<Record<keyof typeof QUOTAS, number>>;

const HASH = /^[0-9a-f]{64}$/;
const NAME = /^[\w.-]{1,64}$/;

interface KnownToken {
  readonly hash: Buffer;
  readonly quotas: Quotas;
  readonly caller: Caller;
  readonly requests: TokenBucket | undefined;
  readonly bytes: TokenBucket | undefined;
}

/** Tells callers apart, by bearer tokens where there are any, and keeps them within their quotas. */
export class TokenRegistry {
  #tokens: readonly KnownToken[] | undefined;
  readonly #places: number | undefined;

  private constructor(tokens: readonly KnownToken[] | undefined, places: number | undefined) {
    this.#tokens = tokens;
    this.#places = places;
  }

  /**
   * @param file JSON with the SHA-256 of each token, never the token: `{"tokens": [{"name": "farm", "sha256": "…",
   * "requestsPerMinute": 600, "bytesPerHour": 1e12, "concurrent": 8, "jobs": 16, "urgency": 3}]}`. Without a file all
   * callers are let in, and told apart by address.
   * @param places requests at once of a caller without a token; all by default.
   * @throws QuietframeError `file-system`; `invalid-argument` for a file that is not of that form.
   */
  static async open(file: string | undefined, places?: number): Promise<TokenRegistry> {
    return new TokenRegistry(file === undefined ? undefined : await readTokens(file), places);
  }

  /**
   * Takes the tokens that the file has now. Those that stay as they were go on with what is left of their quotas.
   * @throws QuietframeError as {@link open}; the tokens are those of before then.
   */
  async reload(file: string): Promise<void> {
    const before = this.#tokens ?? [];
    this.#tokens = (await readTokens(file)).map(
      (token) => before.find((known) => isDeepStrictEqual(keyOf(known), keyOf(token))) ?? token,
    );
  }

  /**
   * Who sends a request, which counts against its quotas.
   * @param authorization header of the request.
   * @throws QuietframeError `unauthenticated`, `too-many-requests`.
   */
  identify(authorization: string | undefined, address: string): Caller {
    if (this.#tokens === undefined) return anonymousCaller(networkOf(address), this.#places);
    const [, secret] = /^Bearer +([\w.~+/-]+=*) *$/i.exec(authorization ?? '') ?? [];
    const token = secret === undefined ? undefined : this.#find(secret);
    if (token === undefined) {
      const received = authorization === undefined ? 'none' : 'another';
      const message = expected('a bearer token of this service', 'Authorization', received);
      throw new QuietframeError('unauthenticated', message);
    }
    token.requests?.check('requests');
    token.bytes?.check('bytes');
    token.requests?.take(1);
    return token.caller;
  }

  /** A caller has sent bytes: they may go beyond its quota, but then the next request has to wait. */
  received(caller: Caller, bytes: number): void {
    this.#tokens?.find((token) => token.caller.name === caller.name)?.bytes?.take(bytes);
  }

  /** Compares with every hash, in the same time whichever it is. */
  #find(secret: string): KnownToken | undefined {
    const hash = createHash('sha256').update(secret).digest();
    return this.#tokens?.filter((token) => timingSafeEqual(token.hash, hash))[0];
  }
}

/** A caller without a token. */
export function anonymousCaller(name: string, places = Number.POSITIVE_INFINITY): Caller {
  return { name, places, jobs: Number.POSITIVE_INFINITY, urgency: 0 };
}

/** Who an address belongs to: itself for IPv4; the first 64 bits of IPv6, of which every customer has all addresses. */
export function networkOf(address: string): string {
  const [, mapped] = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address) ?? [];
  if (mapped !== undefined) return mapped;
  if (isIP(address) !== 6 || address === '::1') return address;
  const [head = '', tail] = address.replace(/%.*$/, '').split('::');
  const groups = (text: string): string[] => text.split(':').filter((group) => group !== '');
  const [first, last] = [groups(head), groups(tail ?? '')];
  // The tail may end with an IPv4 address, which stands for two groups.
  const missing = 8 - first.length - last.length - (last.at(-1)?.includes('.') ? 1 : 0);
  const all = [...first, ...Array<string>(Math.max(0, missing)).fill('0'), ...last];
  const network = all.slice(0, 4).map((group) => Number.parseInt(group, 16).toString(16));
  return `${network.join(':')}::/64`;
}

/** An amount that refills at a steady rate up to what one period allows. Clocks that are set do not change it. */
export class TokenBucket {
  readonly #most: number;
  readonly #perMs: number;
  readonly #now: () => number;
  #left: number;
  #at: number;

  constructor(most: number, periodMs: number, now: () => number = () => performance.now()) {
    this.#most = most;
    this.#perMs = most / periodMs;
    this.#now = now;
    this.#left = most;
    this.#at = now();
  }

  /**
   * @throws QuietframeError `too-many-requests` when less than 1 is left, with the seconds until that changes.
   */
  check(what: string): void {
    this.#refill();
    if (this.#left >= 1) return;
    const retryAfter = Math.max(1, Math.ceil((1 - this.#left) / this.#perMs / 1000));
    const message = expected(`${what} within the quota of the token`, 'the request', 'more');
    throw new QuietframeError('too-many-requests', message, { retryAfter });
  }

  take(amount: number): void {
    this.#refill();
    this.#left -= amount;
  }

  #refill(): void {
    const now = this.#now();
    this.#left = Math.min(this.#most, this.#left + this.#perMs * (now - this.#at));
    this.#at = now;
  }
}

async function readTokens(file: string): Promise<KnownToken[]> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (cause) {
    throw new QuietframeError('file-system', `The file of tokens ${file} cannot be read`, {}, { cause });
  }
  return parseTokens(text);
}

/** What the file says about a token. */
function keyOf({ hash, caller, quotas }: KnownToken): readonly unknown[] {
  return [hash, caller.name, quotas];
}

function parseTokens(text: string): KnownToken[] {
  const { tokens } = parseJson(text);
  if (!Array.isArray(tokens)) throw invalidArgument('a list', 'tokens', 'something else');
  const parsed = tokens.map(parseToken);
  for (const field of ['name', 'hash'] as const) {
    const values = parsed.map(({ hash, caller }) => (field === 'name' ? caller.name : hash.toString('hex')));
    if (new Set(values).size < values.length)
      throw invalidArgument('another for each', `${field} of tokens`, 'one twice');
  }
  return parsed;
}

function parseToken(value: unknown, index: number): KnownToken {
  const at = `tokens[${index}]`;
  const { name, sha256, ...rest } =
    typeof value === 'object' && value !== null ? ({ ...value } as Record<string, unknown>) : {};
  if (typeof name !== 'string' || !NAME.test(name)) throw invalidArgument('a short name', `${at}.name`, name);
  if (typeof sha256 !== 'string' || !HASH.test(sha256)) {
    throw invalidArgument('64 lower-case hexadecimal digits', `${at}.sha256`, 'something else');
  }
  const quotas: Quotas = {};
  for (const [key, amount] of Object.entries(rest)) {
    if (!Object.hasOwn(QUOTAS, key)) throw invalidArgument(Object.keys(QUOTAS).join(', '), at, key);
    const [least, most] = QUOTAS[key as keyof Quotas];
    if (!(Number.isInteger(amount) && (amount as number) >= least && (amount as number) <= most)) {
      throw invalidArgument(`an integer in [${least}, ${most}]`, `${at}.${key}`, amount);
    }
    quotas[key as keyof Quotas] = amount as number;
  }
  const { requestsPerMinute, bytesPerHour } = quotas;
  const { concurrent = Number.POSITIVE_INFINITY, jobs = Number.POSITIVE_INFINITY, urgency = 0 } = quotas;
  return {
    hash: Buffer.from(sha256, 'hex'),
    quotas,
    caller: { name, places: concurrent, jobs, urgency },
    requests: requestsPerMinute === undefined ? undefined : new TokenBucket(requestsPerMinute, 60_000),
    bytes: bytesPerHour === undefined ? undefined : new TokenBucket(bytesPerHour, 3_600_000),
  };
}

function parseJson(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null) return { ...value };
  } catch {
    // What is no JSON is answered like JSON that is no object. Its text may hold secrets.
  }
  throw invalidArgument('a JSON object', 'the file of tokens', 'something else');
}
