import { cutOff, malformed } from './refusal.js';

/** Most bytes of the name of an attribute, of its type, and of a channel. */
export const MAX_NAME_BYTES = 255;

/** Reads the bytes of a header one after the other, and never past their end. */
export class HeaderCursor {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #position = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** Bytes that were read so far. */
  get position(): number {
    return this.#position;
  }

  /** @throws QuietframeError `malformed-exr` at the end of the file, as all that follow; the message names `label`. */
  uint32(label: string): number {
    this.need(4, label);
    this.#position += 4;
    return this.#view.getUint32(this.#position - 4, true);
  }

  /** The next byte, which is read again. */
  peek(label: string): number {
    this.need(1, label);
    return this.#bytes[this.#position] as number;
  }

  skip(bytes: number): void {
    this.#position += bytes;
  }

  /** A name of 1 to 255 bytes, without the zero that ends it. */
  name(label: string): Uint8Array {
    const end = this.#bytes.subarray(this.#position, this.#position + MAX_NAME_BYTES + 1).indexOf(0);
    if (end <= 0) throw malformed(`1 to ${MAX_NAME_BYTES} bytes and a zero`, label, 'none or more');
    this.#position += end + 1;
    return this.#bytes.subarray(this.#position - end - 1, this.#position - 1);
  }

  /** A copy of the next bytes. */
  copy(length: number, label: string): Uint8Array {
    this.need(length, label);
    this.#position += length;
    return new Uint8Array(this.#bytes.subarray(this.#position - length, this.#position));
  }

  need(length: number, label: string): void {
    if (length > this.#bytes.length - this.#position) throw cutOff(label);
  }
}
