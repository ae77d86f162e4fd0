import { defineConfig } from 'vitest/config';

/** The viewer in a real browser: slow, and only where there is one. */
export default defineConfig({
  test: {
    include: ['test/viewer/**/*.browser.ts'],
    testTimeout: 300_000,
    hookTimeout: 300_000,
    pool: 'forks',
    // Each file has a browser and a service of its own.
    fileParallelism: false,
  },
});
