import { defineConfig } from 'vitest/config';

/** Fast tests of pure code: no built files, no models, no child processes. For every save; `npm test` runs all. */
export default defineConfig({
  test: {
    include: [
      'test/*.test.ts',
      'test/cli/sequence/{fan-out,frame-pattern,frame-ranges,shot-warnings}.test.ts',
      'test/threads/mutex.test.ts',
      'test/docs/{links,paper-map,settings}.test.ts',
      'test/exr/{names,read-exr,write-exr,codecs/half,codecs/huffman,codecs/wavelet}.test.ts',
      'test/frame/**/*.test.ts',
      'test/image/**/*.test.ts',
      'test/kpcn/{scale-compositor,source-encoder}.test.ts',
      'test/pkn/{bundle,parameter-map}.test.ts',
      'test/sampling/{allocate-samples,measured-noise,reducible-error,sampling-density,schedule}.test.ts',
      'test/server/{frames/frame-store,jobs/job-store,queue/work-queue}.test.ts',
      'test/viewer/pure.test.ts',
    ],
    exclude: ['test/no-telemetry.test.ts'],
    testTimeout: 60_000,
    pool: 'threads',
    isolate: true,
  },
});
