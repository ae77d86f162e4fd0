import type { Attribute } from '../image/image.js';
import type { HeaderCursor } from './header-cursor.js';
import type { HeaderTotals } from './header-totals.js';
import type { ExrLimits } from './limits.js';
import { otherBytes, textOf } from './names.js';
import { checkLimit, malformed } from './refusal.js';

/** Texts that every reader decodes, some of them for each channel, and the most bytes of one. Others are copied as they are. */
const READ_TEXTS: ReadonlySet<string> = new Set(['name', 'type', 'view', 'multiView']);
const MAX_TEXT_BYTES = 2 ** 16;
/** Attributes of the format itself that may occur again, and which of them counts, as in the reference library. */
const REPEATED: ReadonlyMap<string, 'first' | 'last'> = new Map([
  ['channels', 'last'],
  ['compression', 'last'],
  ['dataWindow', 'last'],
  ['displayWindow', 'last'],
  ['lineOrder', 'last'],
  ['pixelAspectRatio', 'last'],
  ['screenWindowCenter', 'last'],
  ['screenWindowWidth', 'last'],
  ['tiles', 'last'],
  ['name', 'first'],
  ['type', 'first'],
  ['version', 'first'],
  ['chunkCount', 'first'],
]);

/**
 * Reads the attributes of a part, to the zero that ends them.
 * @param index of the part, for messages.
 * @returns them in the order of the file; the values are copies.
 * @throws QuietframeError `malformed-exr`, `too-large`; the message names the attribute and the part.
 */
export function readAttributes(
  cursor: HeaderCursor,
  index: number,
  limits: ExrLimits,
  totals: HeaderTotals,
): Map<string, Attribute> {
  const attributes = new Map<string, Attribute>();
  while (cursor.peek(`the attributes of part ${index}`) !== 0) {
    const nameBytes = cursor.name(`an attribute name of part ${index}`);
    const name = textOf(nameBytes);
    const label = `attribute ${JSON.stringify(name)} of part ${index}`;
    const type = textOf(cursor.name(`the type of ${label}`));
    const size = cursor.uint32(label);
    checkLimit(size, limits.maxAttributeBytes, `the bytes of ${label}`);
    if (READ_TEXTS.has(name)) checkLimit(size, MAX_TEXT_BYTES, `the bytes of ${label}`);
    totals.addAttribute(name.length + type.length + size);
    cursor.need(size, label);
    const isAgain = attributes.has(name);
    if (isAgain && !REPEATED.has(name)) throw malformed('one value', label, 'two');
    checkLimit(attributes.size + 1, limits.maxAttributes, `the attributes of part ${index}`);
    const value = cursor.copy(size, label);
    if (!isAgain || REPEATED.get(name) === 'last') {
      attributes.set(name, { type, value, ...otherBytes(name, nameBytes) });
    }
  }
  cursor.skip(1);
  return attributes;
}
