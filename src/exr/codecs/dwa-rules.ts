import { type ExrChannel, SAMPLE_TYPES } from '../layout.js';
import { damaged } from './damage.js';

const HEADER_FIELDS = 11;
export const HEADER_BYTES = 8 * HEADER_FIELDS;

const SCHEMES = ['plain', 'lossy', 'runs'] as const;

/** What happens to channels whose name ends in `suffix` and whose type is one of `types`. */
interface Rule {
  readonly suffix: string;
  readonly ignoreCase: boolean;
  readonly scheme: (typeof SCHEMES)[number];
  readonly types: readonly string[];
  /** 0, 1, 2 for red, green, blue; -1 for channels that are coded alone. */
  readonly color: number;
}

const legacy = (suffixes: string, scheme: Rule['scheme'], color: number): Rule[] =>
  suffixes.split(' ').map((suffix) => ({
    suffix,
    ignoreCase: true,
    scheme,
    types: scheme === 'runs' ? SAMPLE_TYPES : ['half', 'float'],
    color,
  }));

/** The rules of versions 0 and 1, which do not store them. */
export const LEGACY_RULES: readonly Rule[] = [
  ...legacy('r red', 'lossy', 0),
  ...legacy('g grn green', 'lossy', 1),
  ...legacy('b blu blue', 'lossy', 2),
  ...legacy('y by ry', 'lossy', -1),
  ...legacy('a', 'runs', -1),
];

/** Writers store about twenty. Every channel of every chunk is compared with all of them. */
const MAX_RULES = 256;

export function readRules(data: Uint8Array): { rules: Rule[]; end: number } {
  const size = (data[HEADER_BYTES] ?? 0) | ((data[HEADER_BYTES + 1] ?? 0) << 8);
  const end = HEADER_BYTES + size;
  if (size < 2 || end > data.length) throw damaged('the channel rules of DWA', `${size} bytes`);
  const rules: Rule[] = [];
  for (let from = HEADER_BYTES + 2; from < end; ) {
    const zero = data.indexOf(0, from);
    if (zero < 0 || zero + 2 >= end) throw damaged('complete channel rules of DWA', 'truncated ones');
    const flags = data[zero + 1] as number;
    const scheme = SCHEMES[(flags >>> 2) & 3];
    const type = SAMPLE_TYPES[data[zero + 2] as number];
    const color = (flags >>> 4) - 1;
    if (scheme === undefined || type === undefined || color > 2)
      throw damaged('known channel rules of DWA', flags);
    const suffix = String.fromCharCode(...data.subarray(from, zero));
    if (rules.length === MAX_RULES) throw damaged(`at most ${MAX_RULES} channel rules of DWA`, 'more');
    rules.push({ suffix, ignoreCase: (flags & 1) === 1, scheme, types: [type], color });
    from = zero + 3;
  }
  return { rules, end };
}

/** Indices of channels by class, in the order in which their samples are stored. */
export interface Classes {
  /** Groups of three (red, green, blue) or one; the groups of three come first. */
  readonly lossy: readonly (readonly number[])[];
  readonly runs: readonly number[];
  readonly plain: readonly number[];
}

export function classify(channels: readonly ExrChannel[], rules: readonly Rule[]): Classes {
  const bySuffix = new Map<string, Rule[]>();
  for (const rule of rules) {
    const key = rule.suffix.toLowerCase();
    const same = bySuffix.get(key);
    if (same === undefined) bySuffix.set(key, [rule]);
    else same.push(rule);
  }
  const matched = channels.map((channel) => {
    const suffix = channel.name.slice(channel.name.lastIndexOf('.') + 1);
    return bySuffix
      .get(suffix.toLowerCase())
      ?.find((rule) => rule.types.includes(channel.type) && (rule.ignoreCase || rule.suffix === suffix));
  });
  const layers = new Map<string, (number | undefined)[]>();
  matched.forEach((rule, index) => {
    if (rule?.scheme !== 'lossy' || rule.color < 0) return;
    const name = (channels[index] as ExrChannel).name;
    const layer = name.slice(0, name.lastIndexOf('.') + 1);
    const group = layers.get(layer) ?? [undefined, undefined, undefined];
    group[rule.color] = index;
    layers.set(layer, group);
  });
  const colors = [...layers.values()].filter((group): group is number[] => !group.includes(undefined));
  const grouped = new Set(colors.flat());
  const indicesOf = (scheme: Rule['scheme']): number[] =>
    [...channels.keys()].filter(
      (index) => (matched[index]?.scheme ?? 'plain') === scheme && !grouped.has(index),
    );
  return {
    lossy: [...colors, ...indicesOf('lossy').map((index) => [index])],
    runs: indicesOf('runs'),
    plain: indicesOf('plain'),
  };
}
