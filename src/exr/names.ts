const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Text of a file: UTF-8, or Latin-1 where it is not. */
export function textOf(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch {
    return Array.from(bytes, (code) => String.fromCharCode(code)).join('');
  }
}

/** The bytes of a name whose UTF-8 is something else; nothing for all others. */
export function otherBytes(name: string, bytes: Uint8Array): { readonly nameBytes?: Uint8Array } {
  const encoded = new TextEncoder().encode(name);
  const same = encoded.length === bytes.length && encoded.every((byte, i) => byte === bytes[i]);
  return same ? {} : { nameBytes: new Uint8Array(bytes) };
}

/** The bytes that a file holds for a name. */
export function bytesOfName({
  name,
  nameBytes,
}: {
  readonly name: string;
  readonly nameBytes?: Uint8Array;
}): Uint8Array {
  return nameBytes ?? new TextEncoder().encode(name);
}
