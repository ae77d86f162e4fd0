import { expected, QuietframeError } from '../errors.js';
import { boxHeight, boxWidth, type Image, type Plane } from '../image/image.js';
import { readHeader } from './header.js';
import type { ExrChannel, ExrHeader, ExrLayout, ExrPartLayout } from './layout.js';
import { DEFAULT_EXR_LIMITS, type ExrLimits } from './limits.js';
import { decodePart, valuesOfWords, type Words } from './samples.js';

export interface ReadOptions {
  readonly limits?: Partial<ExrLimits>;
  /** Which channels to materialise; all of them by default. */
  readonly select?: (part: ExrPartLayout, channel: ExrChannel) => boolean;
}

/**
 * Decodes the selected channels of an OpenEXR file. Every part of the file is in the result, with the planes that were
 * asked for; `half` samples are widened to float32 exactly, NaN payloads included.
 * @throws QuietframeError `malformed-exr`, `unsupported-exr`, `too-large`.
 */
export function readExr(bytes: Uint8Array, options: ReadOptions = {}): Image {
  const header = readHeader(bytes, options.limits);
  return readPlanes(bytes, header, selectNames(header, options));
}

/**
 * Full names of the selected channels, by part.
 * @throws QuietframeError `too-large` when their planes would take more memory than the limits allow.
 */
export function selectNames(
  header: Pick<ExrLayout, 'parts'>,
  { limits, select }: ReadOptions,
): ReadonlySet<string>[] {
  const maxBytes = limits?.maxDecodedBytes ?? DEFAULT_EXR_LIMITS.maxDecodedBytes;
  let bytes = 0;
  return header.parts.map((part) => {
    const channels = part.channels.filter((channel) => select?.(part, channel) ?? true);
    bytes += 4 * boxWidth(part.dataWindow) * boxHeight(part.dataWindow) * channels.length;
    if (bytes > maxBytes) {
      throw new QuietframeError(
        'too-large',
        expected(`at most ${maxBytes}`, 'the bytes of the decoded channels', bytes),
      );
    }
    return new Set(channels.map((channel) => channel.name));
  });
}

/** Decodes the named channels of every part of a file whose header has been read. */
export function readPlanes(
  bytes: Uint8Array,
  header: ExrHeader,
  names: readonly ReadonlySet<string>[],
): Image {
  return {
    parts: header.parts.map((part) => {
      const words = decodePart(bytes, part, names[part.index] ?? new Set());
      const planes = new Map<string, Plane>();
      for (const { name, type, nameBytes } of part.channels) {
        if (!words.has(name)) continue;
        const data = valuesOfWords(words.get(name) as Words, type);
        planes.set(name, { name, type, data, ...(nameBytes && { nameBytes }) });
      }
      const { view, dataWindow, displayWindow, attributes } = part;
      return { name: part.name, view, dataWindow, displayWindow, attributes, planes };
    }),
  };
}
