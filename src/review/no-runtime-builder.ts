import type { RuntimeBuilder } from '../build/runtimes/types.ts';
import { PublisherError } from '../errors.ts';

/** Where runtime images cannot be built: those who need one that is not there learn what to do, everything else goes on. */
export const noRuntimeBuilder: RuntimeBuilder = {
  async build({ runtime }) {
    throw new PublisherError(
      'environment',
      `This bot cannot build runtime images: push it with \`runtime publish ${runtime.name}\` where Docker's buildx is installed, and press "Rebuild".`,
    );
  },
};
