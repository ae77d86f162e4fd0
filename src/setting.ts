import { isIP } from 'node:net';
import { invalidArgument } from './errors.js';
import { parseDecimal } from './numbers.js';

/** One setting of the process: an environment variable and a flag of `quietframe serve`. */
export interface Setting<Value> {
  readonly env: string;
  /** Without the dashes. */
  readonly flag: string;
  /** What a value is or counts: `bytes`, `seconds`, `pixels`. */
  readonly unit: string;
  readonly description: string;
  /** The only values, where these are words. */
  readonly choices?: readonly string[];
  /** Seldom changed: it is in docs/settings.md, not in the help. */
  readonly advanced?: true;
  readonly fallback: Value;
  /** @throws QuietframeError `invalid-argument`, naming the variable or flag. */
  readonly parse: (text: string, name: string) => Value;
}

/** Proxies that Fastify knows beside addresses and networks. */
const PROXY_NAMES: readonly string[] = ['loopback', 'linklocal', 'uniquelocal'];

export function integer(
  name: string,
  unit: string,
  fallback: number,
  [least, most]: readonly [number, number],
  description: string,
): Setting<number> {
  return {
    ...named(name, unit, description),
    fallback,
    parse: (text, name) => {
      const value = parseDecimal(text);
      if (Number.isInteger(value) && value >= least && value <= most) return value;
      throw invalidArgument(`an integer in [${least}, ${most}]`, name, text);
    },
  };
}

export function text(name: string, unit: string, fallback: string, description: string): Setting<string> {
  return { ...named(name, unit, description), fallback, parse: (text) => text };
}

/** Proxies that are trusted. Trust in everybody would let every client choose its address, and its quotas with it. */
export function proxies(name: string, description: string): Setting<string> {
  const isProxy = (text: string): boolean => PROXY_NAMES.includes(text) || isNetwork(text);
  return listed(name, 'addresses', description, isProxy, `IP addresses, networks, ${PROXY_NAMES.join(', ')}`);
}

/** Names of hosts; one that begins with a dot stands for all below it, and `*` for all. */
export function hosts(name: string, description: string): Setting<string> {
  const isHost = (text: string): boolean => text === '*' || /^\.?[\w-]+(\.[\w-]+)*$/.test(text);
  return listed(name, 'names', description, isHost, 'names of hosts without ports, or *');
}

/** Names of hosts, of which one that begins with a dot stands for all below it, with addresses and networks. */
export function targets(name: string, description: string): Setting<string> {
  const isTarget = (text: string): boolean => isNetwork(text) || /^\.?[\w-]+(\.[\w-]+)*$/.test(text);
  return listed(name, 'names', description, isTarget, 'names of hosts without ports, IP addresses, networks');
}

function isNetwork(text: string): boolean {
  const [, address = '', bits] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(text) ?? [];
  return isIP(address) !== 0 && Number(bits ?? 0) <= (isIP(address) === 4 ? 32 : 128);
}

/** A list with commas between. */
function listed(
  name: string,
  unit: string,
  description: string,
  isEntry: (text: string) => boolean,
  range: string,
): Setting<string> {
  return {
    ...named(name, unit, description),
    fallback: '',
    parse: (text, name) => {
      const entries = text.split(',').map((entry) => entry.trim());
      if (entries.every(isEntry)) return entries.join(',');
      throw invalidArgument(range, name, text);
    },
  };
}

export function choice<T extends string>(
  name: string,
  unit: string,
  choices: readonly T[],
  fallback: T,
  description: string,
): Setting<T> {
  return {
    ...named(name, unit, description),
    choices,
    fallback,
    parse: (text, name) => {
      const found = choices.find((candidate) => candidate === text);
      if (found !== undefined) return found;
      throw invalidArgument(`one of ${choices.join(', ')}`, name, text);
    },
  };
}

/** There is no value where none is given. */
export function optional<T>(setting: Setting<T>): Setting<T | undefined> {
  return { ...setting, fallback: undefined };
}

export function advanced<T>(setting: Setting<T>): Setting<T> {
  return { ...setting, advanced: true };
}

function named(name: string, unit: string, description: string): Omit<Setting<never>, 'fallback' | 'parse'> {
  const flag = name.toLowerCase().replaceAll('_', '-');
  return { env: `QUIETFRAME_${name}`, flag, unit, description };
}
