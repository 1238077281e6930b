import { defineConfig } from 'vitest/config';

/** Tests on a real container engine: one after another, since they share it. */
export default defineConfig({
  test: {
    include: ['test/engine/**/*.test.ts'],
    testTimeout: 300_000,
    hookTimeout: 300_000,
    fileParallelism: false,
    reporters: ['default', './test/support/closing-line.ts'],
  },
});
