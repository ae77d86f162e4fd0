import type { Attribute, Box } from '../image/image.js';
import { COMPRESSION_NUMBERS, COMPRESSIONS, type Compression } from './compression.js';
import { textOf } from './names.js';
import { malformed } from './refusal.js';
import type { UnreadablePart } from './unreadable-part.js';

/** Compressions that the standard or its library numbers and that are not read here. */
const UNSUPPORTED_COMPRESSIONS = new Map([[12, 'LJ2K']]);
/** Half the range of int32, as in the reference library: widths and offsets cannot overflow. */
const MAX_COORDINATE = 2 ** 30 - 1;

/** Typed access to the attributes that the format demands. */
export class PartFields {
  readonly #attributes: ReadonlyMap<string, Attribute>;
  readonly #label: string;

  constructor(attributes: ReadonlyMap<string, Attribute>, label: string) {
    this.#attributes = attributes;
    this.#label = label;
  }

  value(name: string, type: string, length?: number): Uint8Array {
    const attribute = this.#attributes.get(name);
    const label = `attribute ${JSON.stringify(name)} of ${this.#label}`;
    if (attribute === undefined) throw malformed(`a value of type ${type}`, label, 'none');
    if (attribute.type !== type) throw malformed(`type ${type}`, label, attribute.type);
    if (length !== undefined && attribute.value.length !== length) {
      throw malformed(`${length} bytes`, label, attribute.value.length);
    }
    return attribute.value;
  }

  #ints(name: string, type: string, length: number): DataView {
    const value = this.value(name, type, length);
    return new DataView(value.buffer, value.byteOffset, value.byteLength);
  }

  int(name: string): number {
    return this.#ints(name, 'int', 4).getInt32(0, true);
  }

  text(name: string): string {
    return textOf(this.value(name, 'string')).replace(/\0+$/, '');
  }

  byte(name: string, type: string, most: number): number {
    const value = this.value(name, type, 1)[0] as number;
    if (value > most) throw malformed(`0 to ${most}`, `the ${name} of ${this.#label}`, value);
    return value;
  }

  box(name: string): Box {
    const view = this.#ints(name, 'box2i', 16);
    const [xMin, yMin, xMax, yMax] = [0, 4, 8, 12].map((at) => view.getInt32(at, true)) as [
      number,
      number,
      number,
      number,
    ];
    const shown = `(${xMin}, ${yMin}) to (${xMax}, ${yMax})`;
    const label = `the ${name} of ${this.#label}`;
    if (xMax < xMin || yMax < yMin) throw malformed('one pixel or more', label, shown);
    if ([xMin, yMin, xMax, yMax].some((value) => Math.abs(value) > MAX_COORDINATE)) {
      throw malformed(`coordinates within ${MAX_COORDINATE}`, label, shown);
    }
    return { xMin, yMin, xMax, yMax };
  }

  /** `none` stands for a compression that is not read; `unread` then says which. */
  compression(): { compression: Compression; unread?: UnreadablePart } {
    const number = this.byte('compression', 'compression', 255);
    const known = COMPRESSIONS.find((name) => COMPRESSION_NUMBERS[name] === number);
    if (known !== undefined) return { compression: known };
    const received = UNSUPPORTED_COMPRESSIONS.get(number) ?? String(number);
    return {
      compression: 'none',
      unread: { expected: `one of ${COMPRESSIONS.join(', ')}`, property: 'compression', received },
    };
  }

  /** Size of a tile; `unread` where there are more levels than one. */
  tiles(): { width: number; height: number; unread?: UnreadablePart } {
    const view = this.#ints('tiles', 'tiledesc', 9);
    const width = view.getUint32(0, true);
    const height = view.getUint32(4, true);
    const mode = view.getUint8(8);
    const label = `the tiles of ${this.#label}`;
    if (width < 1 || height < 1 || width > MAX_COORDINATE || height > MAX_COORDINATE) {
      throw malformed(`1 to ${MAX_COORDINATE} pixels`, label, `${width} x ${height}`);
    }
    const levels = mode & 15;
    if (levels === 0) return { width, height };
    const received = levels === 1 ? 'mip-map levels' : 'rip-map levels';
    return { width, height, unread: { expected: 'one level', property: 'tiles', received } };
  }
}
