/** The part of the WebAssembly interface that is used; Node's type declarations leave it to those of browsers. */
declare namespace WebAssembly {
  class Module {
    constructor(bytes: Uint8Array<ArrayBuffer>);
  }
  class Memory {
    readonly buffer: ArrayBuffer;
    private constructor();
    /** Adds pages of 64 KiB, which detaches the buffer. */
    grow(pages: number): number;
  }
  class Instance {
    readonly exports: Readonly<Record<string, unknown>>;
    constructor(module: Module, imports: Readonly<Record<string, Readonly<Record<string, unknown>>>>);
  }
  function validate(bytes: Uint8Array<ArrayBuffer>): boolean;
}
