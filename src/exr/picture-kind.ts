/** First bytes of pictures that are taken for OpenEXR files, big-endian. */
const KINDS = new Map([
  [0x89504e47, 'a PNG'],
  [0xffd8ffe0, 'a JPEG'],
  [0xffd8ffe1, 'a JPEG'],
  [0x49492a00, 'a TIFF'],
  [0x4d4d002a, 'a TIFF'],
  [0x233f5241, 'a Radiance HDR picture'],
]);

/** What a file of 4 bytes or more is, where it is a picture of another known format. */
export function pictureKind(file: DataView): string | undefined {
  return KINDS.get(file.getUint32(0));
}
