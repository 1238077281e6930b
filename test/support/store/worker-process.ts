/** A bot process reduced to its queue: says `running` once it has the job, and then never ends by itself. */
import { z } from 'zod';
import { createQueue } from '../../../src/jobs/queue.ts';
import { silentLogger } from '../../../src/log.ts';
import { openStore } from '../../../src/store/open.ts';

const [kind, where] = z.tuple([z.enum(['folder', 'server']), z.string()]).parse(process.argv.slice(2));
const location = kind === 'folder' ? { dataDir: where } : { databaseUrl: where };
const store = await openStore(location, { logger: silentLogger });
const queue = await createQueue(store, { logger: silentLogger, leaseSeconds: 3, pollMs: 100 });
await queue.enqueue('build', { n: 1 }, { key: 'k' });
queue.work('build', { concurrency: 1, data: z.unknown() }, async () => {
  process.stdout.write('running\n');
  await new Promise(() => setInterval(() => undefined, 1_000));
});
