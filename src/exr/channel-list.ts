import { MAX_NAME_BYTES } from './header-cursor.js';
import type { HeaderTotals } from './header-totals.js';
import { type ExrChannel, SAMPLE_TYPES } from './layout.js';
import { otherBytes, textOf } from './names.js';
import { malformed } from './refusal.js';

/** Bytes of an entry behind its name: a zero, the sample type, linearity with three bytes of padding, and two samplings. */
const ENTRY_BYTES = 17;

/**
 * Reads the value of the attribute `channels`.
 * @param label what messages call the part.
 * @returns the channels in the order of the file, one or more.
 * @throws QuietframeError `malformed-exr`, `too-large`; the message names the channel.
 */
export function readChannelList(list: Uint8Array, label: string, totals: HeaderTotals): ExrChannel[] {
  const view = new DataView(list.buffer, list.byteOffset, list.byteLength);
  const channels: ExrChannel[] = [];
  const names = new Set<string>();
  let position = 0;
  while (list[position] !== 0) {
    const end = list.indexOf(0, position);
    if (end < 0 || end - position > MAX_NAME_BYTES || end + ENTRY_BYTES >= list.length) {
      throw malformed('a complete channel list', label, 'a truncated one');
    }
    const nameBytes = list.subarray(position, end);
    const name = textOf(nameBytes);
    const channel = `channel ${JSON.stringify(name)} of ${label}`;
    totals.addChannel();
    if (names.has(name)) throw malformed('one entry', channel, 'two');
    names.add(name);
    const type = SAMPLE_TYPES[view.getUint32(end + 1, true)];
    if (type === undefined)
      throw malformed('uint, half or float', `the type of ${channel}`, 'another number');
    const xSampling = view.getInt32(end + 9, true);
    const ySampling = view.getInt32(end + 13, true);
    if (xSampling < 1 || ySampling < 1) {
      throw malformed('1 or more', `the sampling of ${channel}`, `${xSampling} x ${ySampling}`);
    }
    const linear = list[end + 5] !== 0;
    channels.push({ name, type, linear, xSampling, ySampling, ...otherBytes(name, nameBytes) });
    position = end + ENTRY_BYTES;
  }
  if (position !== list.length - 1)
    throw malformed('a channel list that ends with its attribute', label, position);
  if (channels.length === 0) throw malformed('one channel or more', label, 'none');
  return channels;
}
