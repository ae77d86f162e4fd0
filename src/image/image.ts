/** An OpenEXR file in memory: parts of named planes with windows and attributes. It knows channels, not their meaning. */

export type SampleType = 'half' | 'float' | 'uint';

/** Inclusive pixel bounds, as OpenEXR's box2i. */
export interface Box {
  readonly xMin: number;
  readonly yMin: number;
  readonly xMax: number;
  readonly yMax: number;
}

/** Samples of one channel over the data window, row-major. `uint` channels hold Uint32Array, the others Float32Array. */
export interface Plane {
  readonly name: string;
  readonly type: SampleType;
  readonly data: Float32Array | Uint32Array;
  /** The name as the file has it, where that is not the UTF-8 of `name`. */
  readonly nameBytes?: Uint8Array;
}

/** A header attribute with its value as the bytes of the file. */
export interface Attribute {
  readonly type: string;
  readonly value: Uint8Array;
  /** The name as the file has it, where that is not UTF-8. */
  readonly nameBytes?: Uint8Array;
}

export interface ImagePart {
  readonly name: string;
  /** Stereo view, where the file names one. */
  readonly view: string | undefined;
  readonly dataWindow: Box;
  readonly displayWindow: Box;
  readonly attributes: ReadonlyMap<string, Attribute>;
  /** By full channel name, in the order of the file. Only the channels that were asked for. */
  readonly planes: ReadonlyMap<string, Plane>;
}

export interface Image {
  readonly parts: readonly ImagePart[];
}

/** Width of a box in pixels. */
export function boxWidth(box: Box): number {
  return box.xMax - box.xMin + 1;
}

/** Height of a box in pixels. */
export function boxHeight(box: Box): number {
  return box.yMax - box.yMin + 1;
}
