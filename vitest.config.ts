import { defineConfig } from 'vitest/config';

export default defineConfig({
  // Tests with real sockets and processes depend on the machine's load: one of 1229 failed once in five whole runs,
  // hence one retry.
  test: { include: ['test/**/*.test.ts'], testTimeout: 60_000, hookTimeout: 60_000, pool: 'forks', retry: 1 },
});
