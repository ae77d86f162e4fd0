import type { Attribute } from '../image/image.js';
import { attributeText } from './attribute.js';
import { malformed } from './refusal.js';

/** Bytes of the lengths of a chunk: of sample counts, samples, and samples unpacked. */
const DEEP_LENGTHS = 24;
const FLAT_LENGTH = 4;

/** What of a part says how its chunks begin. */
interface ChunkedPart {
  readonly attributes: ReadonlyMap<string, Attribute>;
  /** Undefined for scan lines. */
  readonly tiles: object | undefined;
  /** Set where the samples cannot be decoded. */
  readonly unreadable?: object;
}

/** Whether the samples of a part are deep. A file of one part is what its version flags say, whatever its type. */
export function isDeep({ attributes, unreadable }: Omit<ChunkedPart, 'tiles'>): boolean {
  if (unreadable === undefined) return false;
  return attributeText(attributes.get('type'))?.startsWith('deep') ?? false;
}

/** Bytes of the header of each chunk of a part: its coordinates and lengths, without the part number. */
export function chunkHeaderBytes(part: ChunkedPart): number {
  return (part.tiles === undefined ? 4 : 16) + (isDeep(part) ? DEEP_LENGTHS : FLAT_LENGTH);
}

/** Bytes of the data of a chunk whose header ends at `offset`. */
export function chunkDataBytes(view: DataView, offset: number, deep: boolean): number {
  if (!deep) return view.getUint32(offset - FLAT_LENGTH, true);
  return Number(view.getBigUint64(offset - 24, true)) + Number(view.getBigUint64(offset - 16, true));
}

/**
 * Entries of the chunk tables of a file, of one part after the other. A writer that was ended before it knew them leaves zeros;
 * the chunks are found one behind the other then, as the reference library does. Each says itself which pixels it holds.
 * @param counts of the chunks of each part.
 * @throws QuietframeError `malformed-exr` where the file does not hold all chunks; the message names the part.
 */
export function chunkOffsets(
  view: DataView,
  {
    tableStart,
    parts,
    counts,
    multiPart,
  }: {
    readonly tableStart: number;
    readonly parts: readonly ChunkedPart[];
    readonly counts: readonly number[];
    readonly multiPart: boolean;
  },
): Float64Array<ArrayBuffer> {
  const total = counts.reduce((sum, count) => sum + count, 0);
  const stored = new Float64Array(total);
  for (let i = 0; i < total; i++) stored[i] = Number(view.getBigUint64(tableStart + 8 * i, true));
  if (!stored.includes(0)) return stored;
  const found = new Float64Array(total);
  const firsts = counts.map((_, index) => counts.slice(0, index).reduce((sum, count) => sum + count, 0));
  const numbers = counts.map(() => 0);
  let at = tableStart + 8 * total;
  for (let i = 0; i < total; i++) {
    const index = multiPart && at + 4 <= view.byteLength ? view.getInt32(at, true) : 0;
    const part = parts[index];
    const number = numbers[index] ?? 0;
    if (part === undefined || number >= (counts[index] as number)) break;
    const offset = at + (multiPart ? 4 : 0) + chunkHeaderBytes(part);
    if (offset > view.byteLength) break;
    found[(firsts[index] as number) + number] = at;
    numbers[index] = number + 1;
    at = offset + chunkDataBytes(view, offset, isDeep(part));
    if (at > view.byteLength) break;
  }
  for (const [index, count] of counts.entries()) {
    if (numbers[index] === count && at <= view.byteLength) continue;
    const received = `${numbers[index]} chunks and a table with zeros`;
    throw malformed(`${count} chunks`, `part ${index} of the OpenEXR file`, received);
  }
  return found;
}
