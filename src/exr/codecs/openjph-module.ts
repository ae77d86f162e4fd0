/** What is used of `@cornerstonejs/codec-openjph`, which has no types. */
export interface OpenJphDecoder {
  /** Memory for the code stream. A view, which the next call may invalidate. */
  getEncodedBuffer(length: number): Uint8Array;
  decode(): void;
  /** Samples of all components, pixel by pixel. A view, as above. */
  getDecodedBuffer(): Uint8Array;
  delete(): void;
}

export interface OpenJphModule {
  HTJ2KDecoder?: new () => OpenJphDecoder;
  readonly HEAPU8?: Uint8Array;
  /** Makes an instance of the WebAssembly and hands it over. */
  readonly instantiateWasm: (
    imports: ConstructorParameters<typeof WebAssembly.Instance>[1],
    receive: (instance: WebAssembly.Instance) => void,
  ) => WebAssembly.Instance['exports'];
  readonly print: () => void;
  readonly printErr: () => void;
}

/** Fills the module that it gets, at once where `instantiateWasm` is done at once. */
export type OpenJphFactory = (module: OpenJphModule) => Promise<unknown>;
