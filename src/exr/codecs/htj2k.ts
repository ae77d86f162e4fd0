import { type Block, lineWords } from './block.js';
import { damaged } from './damage.js';
import { openJphFiles } from './openjph.js';
import type { OpenJphDecoder, OpenJphModule } from './openjph-module.js';

/** "HT", then the bytes of the list of channels, big-endian. */
const MAGIC = 0x4854;
const PREFIX_BYTES = 6;
/** A decoder whose memory has grown beyond this is not kept for the next chunk. */
const KEPT_BYTES = 2 ** 26;

/** Markers of JPEG 2000's main header. All others could change what follows for one component, or ask for much memory. */
const START = 0xff4f;
const SIZE = 0xff51;
const CODING = 0xff52;
const TILE_PART = 0xff90;
const ALLOWED: ReadonlySet<number> = new Set([
  0xff50, // capabilities
  CODING,
  0xff55, // lengths of tile parts
  0xff5c, // quantization
  0xff64, // comment
  0xff76, // non-linearity: the complement of negative samples
]);
/** Signed samples of 16 bits, at every pixel. */
const HALF_COMPONENT = [0x8f, 1, 1];
const MOST_LEVELS = 8;
const LEAST_CODE_BLOCK_BITS = 8;

let decoderClass: (new () => OpenJphDecoder) | undefined;
let module: OpenJphModule | undefined;

/**
 * Decodes a chunk of High-Throughput JPEG 2000, without loss, whose channels are all half. OpenJPH's build for JavaScript limits
 * samples of 32 bits to 16: `readHeader` refuses such parts. The header of the code stream has to state the chunk's size, so
 * that it cannot ask for more memory.
 */
export function decodeHtj2k(data: Uint8Array, block: Block): Uint16Array {
  const { order, stream } = channelOrder(data, block.channels.length);
  checkStream(stream, block);
  const decoder = openDecoder();
  try {
    decoder.getEncodedBuffer(stream.length).set(stream);
    decoder.decode();
    const words = linesOf(decoder.getDecodedBuffer(), block, order);
    decoder.delete();
    if ((module?.HEAPU8?.length ?? 0) > KEPT_BYTES) closeDecoder();
    return words;
  } catch (cause) {
    // What it was at is not known: the next chunk gets another one.
    closeDecoder();
    throw damaged('a code stream of High-Throughput JPEG 2000', 'one that does not decode', cause);
  }
}

/** The channel of every component, and the code stream. */
function channelOrder(data: Uint8Array, count: number): { order: readonly number[]; stream: Uint8Array } {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  if (data.length < PREFIX_BYTES + 2 || view.getUint16(0) !== MAGIC)
    throw damaged('a chunk that begins with HT', 'another one');
  const end = PREFIX_BYTES + view.getUint32(2);
  const listed = view.getUint16(PREFIX_BYTES);
  if (listed !== count) throw damaged(`${count} channels`, `${listed} channels`);
  if (end > data.length || end < PREFIX_BYTES + 2 + 2 * count)
    throw damaged('a complete list of channels', 'a truncated one');
  const order = Array.from({ length: count }, (_, i) => view.getUint16(PREFIX_BYTES + 2 + 2 * i));
  if (new Set(order).size !== count || order.some((channel) => channel >= count))
    throw damaged('every channel once', order.join(', '));
  return { order, stream: data.subarray(end) };
}

/** That the code stream is one tile of the block's size, and that none of its parts is small enough to be counted in millions. */
function checkStream(stream: Uint8Array, { width, height, channels }: Block): void {
  const view = new DataView(stream.buffer, stream.byteOffset, stream.byteLength);
  const refuse = (range: string, received: string): never => {
    throw damaged(range, received);
  };
  if (stream.length < 4 || view.getUint16(0) !== START || view.getUint16(2) !== SIZE)
    refuse('a code stream of JPEG 2000', 'another one');
  let hasCoding = false;
  for (let at = 2; ; ) {
    if (at + 4 > stream.length) refuse('a complete header of the code stream', 'a truncated one');
    const marker = view.getUint16(at);
    if (marker === TILE_PART) break;
    const length = view.getUint16(at + 2);
    const body = at + 4;
    if (length < 2 || at + 2 + length > stream.length)
      refuse('a complete header of the code stream', 'a truncated one');
    if (marker === SIZE && at === 2) {
      if (length !== 38 + 3 * channels.length) refuse(`${channels.length} components`, 'another number');
      const [x, y, left, top, tileX, tileY, tileLeft, tileTop] = [2, 6, 10, 14, 18, 22, 26, 30].map(
        (offset) => view.getUint32(body + offset),
      ) as [number, number, number, number, number, number, number, number];
      const isWhole = tileX >= x && tileY >= y && left + top + tileLeft + tileTop === 0;
      if (x !== width || y !== height || !isWhole)
        refuse(`one tile of ${width} x ${height} samples`, `${x} x ${y} in tiles of ${tileX} x ${tileY}`);
      for (const [i] of channels.entries()) {
        const component = HALF_COMPONENT.map((_, k) => view.getUint8(body + 36 + 3 * i + k));
        if (HALF_COMPONENT.some((value, k) => component[k] !== value))
          refuse('signed components of 16 bits', `${component.join(', ')}`);
      }
    } else if (!ALLOWED.has(marker)) {
      refuse('a header of the code stream for all components', `the marker ${marker.toString(16)}`);
    } else if (marker === CODING) {
      hasCoding = true;
      checkCoding(stream.subarray(body, at + 2 + length), refuse);
    }
    at += 2 + length;
  }
  if (!hasCoding) refuse('a code stream with its coding style', 'one without');
}

/** Precincts and code blocks are structures in memory: as many of them as the picture's size allows, and no more. */
function checkCoding(body: Uint8Array, refuse: (range: string, received: string) => never): void {
  if (body.length < 10) refuse('a complete coding style', 'a truncated one');
  const [style, , , , , levels, blockWidth, blockHeight] = [...body];
  if (((style ?? 0) & 1) !== 0) refuse('precincts of the usual size', 'others');
  if ((levels ?? 0) > MOST_LEVELS) refuse(`at most ${MOST_LEVELS} levels`, `${levels}`);
  if ((blockWidth ?? 0) + (blockHeight ?? 0) + 4 < LEAST_CODE_BLOCK_BITS)
    refuse('code blocks of 256 samples or more', 'smaller ones');
}

/** The words of the format from samples in the order of pixels and components. */
function linesOf(samples: Uint8Array, block: Block, order: readonly number[]): Uint16Array {
  const { width, height } = block;
  const count = order.length;
  if (samples.length !== 2 * width * height * count)
    throw new Error(`${samples.length} bytes for ${width} x ${height} x ${count} samples`);
  const stride = lineWords(block);
  const words = new Uint16Array(height * stride);
  for (const [component, channel] of order.entries()) {
    for (let y = 0; y < height; y++) {
      const to = y * stride + channel * width;
      let from = 2 * (y * width * count + component);
      for (let x = 0; x < width; x++, from += 2 * count)
        words[to + x] = (samples[from] as number) | ((samples[from + 1] as number) << 8);
    }
  }
  return words;
}

function openDecoder(): OpenJphDecoder {
  if (decoderClass === undefined) {
    const { factory, wasm } = openJphFiles();
    const own: OpenJphModule = {
      instantiateWasm: (imports, receive) => {
        const instance = new WebAssembly.Instance(new WebAssembly.Module(new Uint8Array(wasm)), imports);
        receive(instance);
        return instance.exports;
      },
      print: () => undefined,
      printErr: () => undefined,
    };
    // Nothing in it waits: the module is complete when the call returns. A failure shows in what is missing then.
    factory(own).catch(() => undefined);
    module = own;
    decoderClass = own.HTJ2KDecoder;
    if (decoderClass === undefined) throw new Error('OpenJPH could not be started');
  }
  return new decoderClass();
}

function closeDecoder(): void {
  decoderClass = undefined;
  module = undefined;
}
