/**
 * What an OpenEXR file may ask for. All of these are checked against the header before any pixel is decoded,
 * so that a file of a few bytes cannot claim memory or time.
 */
export interface ExrLimits {
  /** Bytes of the whole file. */
  readonly maxFileBytes: number;
  /** Pixels of one part's data window. */
  readonly maxPixels: number;
  readonly maxParts: number;
  /** Channels of all parts together. */
  readonly maxChannels: number;
  /** Attributes of one part. */
  readonly maxAttributes: number;
  /** Bytes of one attribute's value; previews and manifests of object names are the large ones. */
  readonly maxAttributeBytes: number;
  /** Bytes of all attributes of all parts together. */
  readonly maxHeaderBytes: number;
  /** Chunks of all parts together. */
  readonly maxChunks: number;
  /** Bytes of one chunk once it is decompressed. */
  readonly maxChunkBytes: number;
  /** Bytes of the planes that are asked for, at 4 bytes a sample. */
  readonly maxDecodedBytes: number;
}

export const DEFAULT_EXR_LIMITS: ExrLimits = {
  maxFileBytes: 2 ** 30,
  maxPixels: 2 ** 28,
  maxParts: 1024,
  maxChannels: 16_384,
  maxAttributes: 1024,
  maxAttributeBytes: 2 ** 24,
  maxHeaderBytes: 2 ** 26,
  maxChunks: 2 ** 20,
  maxChunkBytes: 2 ** 30,
  maxDecodedBytes: 2 ** 32,
};
