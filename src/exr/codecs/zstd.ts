import { Decompress } from 'fzstd';
import { type Block, blockBytes, lineWords, sampleWords } from './block.js';
import { damaged } from './damage.js';

/** "zstd-exr", then format, flags and the bytes of the frame. */
const MAGIC = [0x7a, 0x73, 0x74, 0x64, 0x2d, 0x65, 0x78, 0x72];
const PREFIX_BYTES = 24;
/** Flag of format 2: every row of a channel is stored as differences. */
const DIFFERENCES = 1;

/** A magic number, then what a frame of Zstandard is made of (RFC 8878, section 3.1.1). */
const FRAME_MAGIC = 0xfd2fb528;
/** Windows of frames that are small themselves never need more. */
const LEAST_WINDOW = 2 ** 20;

/**
 * Decodes a chunk of OpenEXR 3.5's Zstandard compression. The frame holds a segment with the rows of all channels of 16 bits and
 * one with those of 32 bits, each with its length, and its bytes in planes: all lowest bytes first. In format 2 the rows are
 * differences.
 */
export function decodeZstd(data: Uint8Array, block: Block): Uint16Array {
  if (data.length < PREFIX_BYTES || MAGIC.some((byte, i) => data[i] !== byte))
    throw damaged('a chunk that begins with zstd-exr', 'another one');
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const [format, flags] = [view.getUint32(8, true), view.getUint32(12, true)];
  if (!((format === 1 && flags === 0) || (format === 2 && (flags & ~DIFFERENCES) === 0)))
    throw damaged('format 1 or 2 of Zstandard', `format ${format} with the flags ${flags}`);
  const length = view.getBigUint64(16, true);
  if (length !== BigInt(data.length - PREFIX_BYTES))
    throw damaged(`a frame of ${data.length - PREFIX_BYTES} bytes`, `${length} bytes`);

  const halves = rowWords(block, 1) * block.height * 2;
  const sizes = [halves, blockBytes(block) - halves].filter((size) => size > 0);
  const bytes = decompressFrame(
    data.subarray(PREFIX_BYTES),
    sizes.reduce((sum, size) => sum + 8 + size, 0),
  );
  const segments = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const words = new Uint16Array(blockBytes(block) / 2);
  let at = 0;
  for (const size of sizes) {
    const stated = segments.getBigUint64(at, true);
    if (stated !== BigInt(size)) throw damaged(`a segment of ${size} bytes`, `${stated} bytes`);
    const isHalves = at === 0 && halves > 0;
    at += 8;
    placeRows(bytes.subarray(at, at + size), words, block, isHalves ? 1 : 2, flags === DIFFERENCES);
    at += size;
  }
  return words;
}

/** Words of the channels of one sample size in a line. */
function rowWords({ width, channels }: Block, size: 1 | 2): number {
  return channels.filter((channel) => sampleWords(channel) === size).length * width * size;
}

/** Joins the planes of a segment to samples, and puts the rows where they belong. */
function placeRows(
  bytes: Uint8Array,
  words: Uint16Array,
  block: Block,
  size: 1 | 2,
  areDifferences: boolean,
): void {
  const { width, height, channels } = block;
  const stride = lineWords(block);
  const count = bytes.length / (2 * size);
  const mask = size === 1 ? 0xffff : -1;
  let from = 0;
  for (let y = 0; y < height; y++) {
    let to = y * stride;
    for (const channel of channels) {
      if (sampleWords(channel) === size) {
        let value = 0;
        for (let x = 0; x < width; x++, from++) {
          let sample = (bytes[from] as number) | ((bytes[count + from] as number) << 8);
          if (size === 2)
            sample |=
              ((bytes[2 * count + from] as number) << 16) | ((bytes[3 * count + from] as number) << 24);
          value = areDifferences ? (value + sample) & mask : sample;
          words[to + size * x] = value;
          if (size === 2) words[to + 2 * x + 1] = value >>> 16;
        }
      }
      to += width * sampleWords(channel);
    }
  }
}

/** The one frame that the data holds, which must have exactly `length` bytes. Its header is checked before anything is allocated. */
function decompressFrame(data: Uint8Array, length: number): Uint8Array {
  checkFrame(data, Math.max(LEAST_WINDOW, 2 * length));
  const bytes = new Uint8Array(length);
  let at = 0;
  try {
    const stream = new Decompress((block) => {
      if (at + block.length > length) throw damaged(`a Zstandard frame of ${length} bytes`, 'more');
      bytes.set(block, at);
      at += block.length;
    });
    stream.push(data, true);
  } catch (cause) {
    throw damaged(`a Zstandard frame of ${length} bytes`, 'one that does not decompress to that', cause);
  }
  if (at !== length) throw damaged(`a Zstandard frame of ${length} bytes`, `${at} bytes`);
  return bytes;
}

/** That there is one frame, with a window within the limit, whose blocks fill the data. */
function checkFrame(data: Uint8Array, mostWindow: number): void {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const refuse = (received: string): never => {
    throw damaged('one Zstandard frame', received);
  };
  if (data.length < 9 || view.getUint32(0, true) !== FRAME_MAGIC) refuse('another magic number');
  const descriptor = view.getUint8(4);
  const isSingle = (descriptor & 32) !== 0;
  const sizeFlag = descriptor >> 6;
  if ((descriptor & 3) !== 0) refuse('one with a dictionary');
  let at = isSingle ? 5 : 6;
  const sizeBytes = sizeFlag === 0 ? (isSingle ? 1 : 0) : 2 ** sizeFlag;
  if (at + sizeBytes + 3 > data.length) refuse('a truncated header');
  let size = 0;
  for (let i = sizeBytes - 1; i >= 0; i--) size = 256 * size + view.getUint8(at + i);
  const exponent = isSingle ? 0 : view.getUint8(5);
  const window = isSingle
    ? size + (sizeFlag === 1 ? 256 : 0)
    : 2 ** (10 + (exponent >> 3)) * (1 + (exponent & 7) / 8);
  if (window > mostWindow) refuse(`one with a window of ${window} bytes`);
  at += sizeBytes;
  for (let isLast = false; !isLast; ) {
    if (at + 3 > data.length) refuse('a truncated block');
    const header = view.getUint8(at) | (view.getUint8(at + 1) << 8) | (view.getUint8(at + 2) << 16);
    isLast = (header & 1) !== 0;
    at += 3 + (((header >> 1) & 3) === 1 ? 1 : header >> 3);
  }
  if (at + ((descriptor & 4) === 0 ? 0 : 4) !== data.length) refuse('one that does not fill the chunk');
}
