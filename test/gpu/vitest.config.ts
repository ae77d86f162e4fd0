import { defineConfig } from 'vitest/config';

/** Devices beside the CPU, by a driver in software: slow, and only where there is one; see scripts/test-gpu.sh. */
export default defineConfig({
  test: {
    include: ['test/gpu/**/*.gpu.ts'],
    testTimeout: 1_800_000,
    hookTimeout: 1_800_000,
    pool: 'forks',
  },
});
