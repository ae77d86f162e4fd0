import type { ExrChannel } from '../layout.js';
import { type Block, linesOfPlanes, lineWords, sampleWords } from './block.js';
import { damaged } from './damage.js';
import { type Classes, classify, HEADER_BYTES, LEGACY_RULES, readRules } from './dwa-rules.js';
import { C4, END_OF_BLOCK, inverseTransform, readCoefficients, toRgb } from './dwa-transform.js';
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
