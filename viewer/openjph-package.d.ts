declare module '@cornerstonejs/codec-openjph' {
  const factory: import('../src/exr/codecs/openjph-module.js').OpenJphFactory;
  export default factory;
}

declare module '@cornerstonejs/codec-openjph/wasm' {
  const bytes: Uint8Array;
  export default bytes;
}
