import { defineConfig } from 'vitest/config';

/** Endurance: kills, long builds, shuffled deliveries, memory. `KILLS=100` and `SHUFFLES=20` make them longer. */
export default defineConfig({
  test: {
    include: ['test/load/**/*.test.ts'],
    testTimeout: 3_600_000,
    hookTimeout: 300_000,
    fileParallelism: false,
    reporters: ['default', './test/support/closing-line.ts'],
  },
});
