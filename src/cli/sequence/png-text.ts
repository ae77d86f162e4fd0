import { crc32 } from 'node:zlib';

/** The eight bytes of the signature, and the header, which has to come first: length, type, 13 bytes, and CRC. */
const HEADER_END = 8 + 12 + 13;
const TEXT = 'tEXt';

/**
 * A PNG file with a text chunk (PNG specification, 11.3.3.2) after its header.
 * @param keyword 1 to 79 characters of Latin-1; so is the text.
 */
export function withPngText(png: Uint8Array, keyword: string, text: string): Uint8Array {
  const body = Buffer.from(`${TEXT}${keyword}\0${text}`, 'latin1');
  const chunk = Buffer.alloc(body.length + 8);
  chunk.writeUInt32BE(body.length - TEXT.length, 0);
  body.copy(chunk, 4);
  chunk.writeUInt32BE(crc32(body), body.length + 4);
  return new Uint8Array(Buffer.concat([png.subarray(0, HEADER_END), chunk, png.subarray(HEADER_END)]));
}

/** The text of the first chunk with a keyword; undefined where there is none, or the file is no PNG. */
export function pngText(png: Uint8Array, keyword: string): string | undefined {
  const bytes = Buffer.from(png.buffer, png.byteOffset, png.byteLength);
  if (bytes.toString('latin1', 1, 4) !== 'PNG') return undefined;
  for (let at = 8; at + 12 <= bytes.length; ) {
    const length = bytes.readUInt32BE(at);
    const [type, end] = [bytes.toString('latin1', at + 4, at + 8), at + 8 + length];
    if (type === 'IDAT') return undefined;
    const [word, text] = bytes.toString('latin1', at + 8, end).split('\0');
    if (type === TEXT && word === keyword) return text;
    at = end + 4;
  }
  return undefined;
}
