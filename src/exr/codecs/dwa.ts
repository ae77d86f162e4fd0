import { type ExrChannel, SAMPLE_TYPES } from '../header.js';
import { type Block, linesOfPlanes, lineWords, sampleWords } from './block.js';
import { damaged } from './damage.js';
import { FLOAT_BITS_OF_HALF, halfBits, halfOfFloatBits, halfValue } from './half.js';
import { huffmanDecode } from './huffman.js';
import { expandRuns } from './rle.js';
import { inflate, joinBytes } from './zip.js';

/**
 * DWAA and DWAB. Channels fall into three classes by the last part of their name: colour and luminance go through an
 * 8 x 8 cosine transform (lossy; R, G and B of one layer together, as luma and chroma), alpha is run-length coded,
 * everything else deflated. Layout: eleven uint64 sizes, the rules of the classes (version 2), deflated samples,
 * coefficients (Huffman-coded or deflated), block means (deflated), run lengths (deflated).
 */
export function decodeDwa(data: Uint8Array, block: Block): Uint16Array {
  const sizes = readSizes(data);
  const { rules, end } = sizes.version < 2 ? { rules: LEGACY_RULES, end: HEADER_BYTES } : readRules(data);
  const sections = splitSections(data, end, sizes);
  const { lossy, runs, plain } = classify(block.channels, rules);
  const pixels = block.width * block.height;
  const bytesOf = (indices: readonly number[]): number =>
    indices.reduce((sum, index) => sum + pixels * 2 * sampleWords(block.channels[index] as ExrChannel), 0);

  const planes = new Uint16Array(lineWords(block) * block.height);
  const offsets = planeOffsets(block);
  decodeLossy(lossy, sections, sizes, block, planes, offsets);
  const runBytes =
    bytesOf(runs) === 0
      ? new Uint8Array(0)
      : expandRuns(inflate(sections.runs, checkedSize(sizes.runsInflated, 2 * bytesOf(runs))), bytesOf(runs));
  joinBytePlanes(runs, runBytes, block, planes, offsets);
  copyPlain(plain, inflate0(sections.plain, bytesOf(plain)), block, planes, offsets);
  return linesOfPlanes(planes, block);
}

const HEADER_FIELDS = 11;
const HEADER_BYTES = 8 * HEADER_FIELDS;

interface Sizes {
  readonly version: number;
  readonly plain: number;
  readonly coefficients: number;
  readonly means: number;
  readonly runs: number;
  readonly runsInflated: number;
  readonly coefficientCount: number;
  readonly meanCount: number;
  readonly coefficientsDeflated: boolean;
}

function readSizes(data: Uint8Array): Sizes {
  if (data.length < HEADER_BYTES) throw damaged(`a DWA chunk of ${HEADER_BYTES} bytes or more`, data.length);
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const field = (index: number): number => Number(view.getBigUint64(8 * index, true));
  const [version, coding] = [field(0), field(10)];
  if (version > 2) throw damaged('DWA version 0 to 2', version);
  if (coding > 1) throw damaged('DWA coefficients coded as 0 (Huffman) or 1 (deflate)', coding);
  return {
    version,
    plain: field(2),
    coefficients: field(3),
    means: field(4),
    runs: field(5),
    runsInflated: field(6),
    coefficientCount: field(8),
    meanCount: field(9),
    coefficientsDeflated: coding === 1,
  };
}

/** A size that the chunk states, where more than `most` cannot be meant. */
function checkedSize(size: number, most: number): number {
  if (size > most) throw damaged(`at most ${most} values in a section of DWA`, size);
  return size;
}

/** Inflates a section that is absent when it would be empty. */
function inflate0(data: Uint8Array, length: number): Uint8Array {
  return length === 0 ? new Uint8Array(0) : inflate(data, length);
}

interface Sections {
  readonly plain: Uint8Array;
  readonly coefficients: Uint8Array;
  readonly means: Uint8Array;
  readonly runs: Uint8Array;
}

function splitSections(data: Uint8Array, start: number, sizes: Sizes): Sections {
  let from = start;
  const take = (length: number): Uint8Array => {
    if (length > data.length - from)
      throw damaged(`at most ${data.length - from} bytes in a section of DWA`, length);
    from += length;
    return data.subarray(from - length, from);
  };
  return {
    plain: take(sizes.plain),
    coefficients: take(sizes.coefficients),
    means: take(sizes.means),
    runs: take(sizes.runs),
  };
}

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
const LEGACY_RULES: readonly Rule[] = [
  ...legacy('r red', 'lossy', 0),
  ...legacy('g grn green', 'lossy', 1),
  ...legacy('b blu blue', 'lossy', 2),
  ...legacy('y by ry', 'lossy', -1),
  ...legacy('a', 'runs', -1),
];

/** Writers store about twenty. Every channel of every chunk is compared with all of them. */
const MAX_RULES = 256;

function readRules(data: Uint8Array): { rules: Rule[]; end: number } {
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
interface Classes {
  /** Groups of three (red, green, blue) or one; the groups of three come first. */
  readonly lossy: readonly (readonly number[])[];
  readonly runs: readonly number[];
  readonly plain: readonly number[];
}

function classify(channels: readonly ExrChannel[], rules: readonly Rule[]): Classes {
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

function planeOffsets(block: Block): number[] {
  let offset = 0;
  return block.channels.map((channel) => {
    const start = offset;
    offset += block.width * block.height * sampleWords(channel);
    return start;
  });
}

function joinBytePlanes(
  indices: readonly number[],
  bytes: Uint8Array,
  block: Block,
  planes: Uint16Array,
  offsets: readonly number[],
): void {
  const pixels = block.width * block.height;
  let from = 0;
  for (const index of indices) {
    const words = sampleWords(block.channels[index] as ExrChannel);
    const offset = offsets[index] as number;
    for (let word = 0; word < words; word++, from += 2 * pixels) {
      for (let i = 0; i < pixels; i++) {
        planes[offset + i * words + word] =
          (bytes[from + i] as number) | ((bytes[from + pixels + i] as number) << 8);
      }
    }
  }
}

function copyPlain(
  indices: readonly number[],
  bytes: Uint8Array,
  block: Block,
  planes: Uint16Array,
  offsets: readonly number[],
): void {
  let from = 0;
  for (const index of indices) {
    const words = block.width * block.height * sampleWords(block.channels[index] as ExrChannel);
    const offset = offsets[index] as number;
    for (let i = 0; i < words; i++, from += 2) {
      planes[offset + i] = (bytes[from] as number) | ((bytes[from + 1] as number) << 8);
    }
  }
}

/** Place of a coefficient in the zigzag order of storage, by its place in the block. */
const ZIGZAG = Uint8Array.of(
  ...[
    0, 1, 5, 6, 14, 15, 27, 28, 2, 4, 7, 13, 16, 26, 29, 42, 3, 8, 12, 17, 25, 30, 41, 43, 9, 11, 18, 24, 31,
  ],
  ...[40, 44, 53, 10, 19, 23, 32, 39, 45, 52, 54, 20, 22, 33, 38, 46, 51, 55, 60, 21, 34, 37, 47, 50, 56, 59],
  ...[61, 35, 36, 48, 49, 57, 58, 62, 63],
);
/** Its inverse: place in the block by place in the zigzag order. */
const BLOCK_PLACE = Uint8Array.from({ length: 64 }, (_, stored) => ZIGZAG.indexOf(stored));

function decodeLossy(
  groups: Classes['lossy'],
  sections: Sections,
  sizes: Sizes,
  block: Block,
  planes: Uint16Array,
  offsets: readonly number[],
): void {
  const { width, height, channels } = block;
  const blocksX = Math.ceil(width / 8);
  const blocksY = Math.ceil(height / 8);
  const blockCount = groups.flat().length * blocksX * blocksY;
  if (blockCount === 0) return;
  if (sizes.meanCount !== blockCount) throw damaged(`${blockCount} block means`, sizes.meanCount);
  const means = joinBytes(inflate(sections.means, 2 * blockCount));
  const coefficients = decodeCoefficients(sections.coefficients, sizes, blockCount);
  const float = new Float32Array(1);
  const floatBits = new Uint32Array(float.buffer);

  let mean = 0;
  let next = 0;
  for (const group of groups) {
    const transformed = group.map(() => new Float32Array(64));
    const table =
      group.length === 3 || !(channels[group[0] as number] as ExrChannel).linear ? linearTable() : undefined;
    for (let by = 0; by < blocksY; by++) {
      for (let bx = 0; bx < blocksX; bx++) {
        for (let component = 0; component < group.length; component++) {
          const samples = transformed[component] as Float32Array;
          samples.fill(0);
          samples[0] = halfValue(means[mean + (component * blocksY + by) * blocksX + bx] as number);
          const start = next;
          next = readCoefficients(coefficients, next, samples);
          // A block of its mean alone is stored as one end mark.
          if (next === start + 1 && coefficients[start] === END_OF_BLOCK)
            samples.fill((samples[0] as number) * C4 * C4);
          else inverseTransform(samples);
        }
        if (group.length === 3) toRgb(transformed);
        for (let component = 0; component < group.length; component++) {
          const index = group[component] as number;
          const samples = transformed[component] as Float32Array;
          const words = sampleWords(channels[index] as ExrChannel);
          const right = Math.min(8, width - 8 * bx);
          for (let y = 0; y < Math.min(8, height - 8 * by); y++) {
            let to = (offsets[index] as number) + ((8 * by + y) * width + 8 * bx) * words;
            for (let x = 0; x < right; x++) {
              float[0] = samples[8 * y + x] as number;
              const stored = halfOfFloatBits(floatBits[0] as number);
              const half = table === undefined ? stored : (table[stored] as number);
              if (words === 1) {
                planes[to++] = half;
              } else {
                const bits = FLOAT_BITS_OF_HALF[half] as number;
                planes[to++] = bits;
                planes[to++] = bits >>> 16;
              }
            }
          }
        }
      }
    }
    mean += group.length * blocksX * blocksY;
  }
}

function decodeCoefficients(data: Uint8Array, sizes: Sizes, blockCount: number): Uint16Array {
  const count = checkedSize(sizes.coefficientCount, 64 * blockCount);
  if (!sizes.coefficientsDeflated) return huffmanDecode(data, count);
  const bytes = inflate0(data, 2 * count);
  return new Uint16Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + 2 * count));
}

/** Words from here on skip as many zero coefficients as their low byte says; 0 stands for the rest of the block. */
const SKIP = 0xff00;
const END_OF_BLOCK = SKIP;

/** Reads coefficients 1 to 63 of a block and returns where the next block begins. */
function readCoefficients(words: Uint16Array, start: number, block: Float32Array): number {
  let from = start;
  for (let stored = 1; stored < 64; ) {
    if (from >= words.length) throw damaged('coefficients for every block of DWA', 'fewer');
    const word = words[from++] as number;
    if ((word & SKIP) === SKIP) stored += word & 0xff || 64;
    else block[BLOCK_PLACE[stored++] as number] = halfValue(word);
  }
  return from;
}

/** As in the reference transform: the same value gives the same halves where a sample lies on a tie. */
// biome-ignore lint/suspicious/noApproximativeNumericConstant: the reference has these digits
const PI = 3.14159;
const cosine = (sixteenths: number): number => Math.fround(0.5 * Math.cos((sixteenths * PI) / 16));
const C1 = cosine(1);
const C2 = cosine(2);
const C3 = cosine(3);
const C4 = cosine(4);
const C5 = cosine(5);
const C6 = cosine(6);
const C7 = cosine(7);

/** The 8 x 8 inverse cosine transform (type III, orthonormal), in place. */
function inverseTransform(block: Float32Array): void {
  for (let row = 0; row < 64; row += 8) inverseLine(block, row, 1);
  for (let column = 0; column < 8; column++) inverseLine(block, column, 8);
}

function inverseLine(block: Float32Array, at: number, step: number): void {
  const x0 = block[at] as number;
  const x1 = block[at + step] as number;
  const x2 = block[at + 2 * step] as number;
  const x3 = block[at + 3 * step] as number;
  const x4 = block[at + 4 * step] as number;
  const x5 = block[at + 5 * step] as number;
  const x6 = block[at + 6 * step] as number;
  const x7 = block[at + 7 * step] as number;
  const sum = C4 * (x0 + x4);
  const difference = C4 * (x0 - x4);
  const outer = C2 * x2 + C6 * x6;
  const inner = C6 * x2 - C2 * x6;
  const even0 = sum + outer;
  const even1 = difference + inner;
  const even2 = difference - inner;
  const even3 = sum - outer;
  const odd0 = C1 * x1 + C3 * x3 + C5 * x5 + C7 * x7;
  const odd1 = C3 * x1 - C7 * x3 - C1 * x5 - C5 * x7;
  const odd2 = C5 * x1 - C1 * x3 + C7 * x5 + C3 * x7;
  const odd3 = C7 * x1 - C5 * x3 + C3 * x5 - C1 * x7;
  block[at] = even0 + odd0;
  block[at + step] = even1 + odd1;
  block[at + 2 * step] = even2 + odd2;
  block[at + 3 * step] = even3 + odd3;
  block[at + 4 * step] = even3 - odd3;
  block[at + 5 * step] = even2 - odd2;
  block[at + 6 * step] = even1 - odd1;
  block[at + 7 * step] = even0 - odd0;
}

/** Luma and chroma of Rec. 709 to red, green, blue, in place. */
function toRgb(planes: readonly Float32Array[]): void {
  const [luma, blue, red] = planes as [Float32Array, Float32Array, Float32Array];
  for (let i = 0; i < 64; i++) {
    const y = luma[i] as number;
    const cb = blue[i] as number;
    const cr = red[i] as number;
    luma[i] = y + 1.5747 * cr;
    blue[i] = y - 0.1873 * cb - 0.4682 * cr;
    red[i] = y + 1.8556 * cb;
  }
}

let linear: Uint16Array | undefined;

/** Scene-linear halves by stored ones: a power of 2.2 up to 1, an exponential beyond. */
function linearTable(): Uint16Array {
  linear ??= Uint16Array.from({ length: 65536 }, (_, half) => {
    const value = halfValue(half);
    if (!Number.isFinite(value)) return 0;
    const magnitude = Math.abs(value);
    return halfBits(Math.sign(value) * (magnitude <= 1 ? magnitude ** 2.2 : Math.exp(2.2 * (magnitude - 1))));
  });
  return linear;
}
