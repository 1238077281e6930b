import { z } from 'zod';
import { PublisherError } from '../../errors.ts';
import { PACKAGE_ROOT } from '../../services.ts';
import type { Command } from '../command.ts';

const moduleSchema = z.object({
  runDemo: z.custom<
    (options: {
      live: boolean;
      report: string | null;
      say: (line: string) => void;
      signal: AbortSignal;
    }) => Promise<unknown>
  >((value) => typeof value === 'function'),
});

/** The whole story against stand-ins, which only a checkout has. */
export const demo: Command = {
  name: 'demo',
  summary: 'play the whole story: a pull request, checks, a comment, /rebuild, images',
  positionals: [],
  flags: {
    live: { type: 'boolean', description: 'ask the real Hub instead of the stand-in' },
    report: { type: 'string', placeholder: 'FILE', description: 'also write the report as JSON' },
  },
  async run({ arguments: given, output, signal }) {
    const url = new URL('test/support/demo/demo.ts', PACKAGE_ROOT);
    let loaded: unknown;
    try {
      loaded = await import(url.href);
    } catch (cause) {
      throw new PublisherError(
        'environment',
        'The demo needs a checkout of the project with its development packages (`make demo`).',
        { cause },
      );
    }
    const { runDemo } = moduleSchema.parse(loaded);
    const report = await runDemo({
      live: given.given('live'),
      report: given.text('report') ?? null,
      say: output.say,
      signal,
    });
    output.result(report, ['The demo is done.']);
    return 0;
  },
};
