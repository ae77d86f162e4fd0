import { type Block, lineWords } from './block.js';
import { inflate } from './zip.js';

/**
 * PXR24: every line of a channel is stored as differences between neighbors, one byte plane after the other from the
 * highest, deflated. Floats keep their upper 24 bits; half and uint are exact.
 */
export function decodePxr24(data: Uint8Array, block: Block): Uint16Array {
  const { width, height, channels } = block;
  const storedBytes = { half: 2, float: 3, uint: 4 } as const;
  const total = channels.reduce((sum, channel) => sum + storedBytes[channel.type] * width * height, 0);
  const bytes = inflate(data, total);
  const words = new Uint16Array(lineWords(block) * height);
  let from = 0;
  let to = 0;
  for (let y = 0; y < height; y++) {
    for (const channel of channels) {
      let value = 0;
      if (channel.type === 'half') {
        for (let x = 0; x < width; x++) {
          value += ((bytes[from + x] as number) << 8) | (bytes[from + width + x] as number);
          words[to++] = value;
        }
      } else {
        const lowest = channel.type === 'uint';
        for (let x = from; x < from + width; x++) {
          value =
            (value +
              (((bytes[x] as number) << 24) |
                ((bytes[x + width] as number) << 16) |
                ((bytes[x + 2 * width] as number) << 8) |
                (lowest ? (bytes[x + 3 * width] as number) : 0))) |
            0;
          words[to++] = value;
          words[to++] = value >>> 16;
        }
      }
      from += storedBytes[channel.type] * width;
    }
  }
  return words;
}
