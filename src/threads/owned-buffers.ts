/**
 * The memory of all arrays within a value, each buffer once, without shared memory: as a list of transfer, it moves to another
 * thread instead of being copied.
 */
export function ownedBuffers(value: unknown, found = new Set<ArrayBuffer>()): ArrayBuffer[] {
  if (ArrayBuffer.isView(value)) {
    if (value.buffer instanceof ArrayBuffer) found.add(value.buffer);
  } else if (value instanceof Map) {
    for (const each of value.values()) ownedBuffers(each, found);
  } else if (typeof value === 'object' && value !== null) {
    for (const each of Object.values(value)) ownedBuffers(each, found);
  }
  return [...found];
}
