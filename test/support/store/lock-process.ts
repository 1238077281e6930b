/** Tries to lock a folder at a given moment, says `held` or `busy`, and holds until it is killed or told to release. */
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { PublisherError } from '../../../src/errors.ts';
import { lockFolder } from '../../../src/store/lock.ts';

const [folder, at] = z.tuple([z.string(), z.coerce.number()]).parse(process.argv.slice(2));
// Everybody starts at the same moment, so that they do race.
await sleep(Math.max(0, at - Date.now()));
try {
  const lock = await lockFolder(folder, { beatMs: 100, staleMs: 1_000 });
  process.stdout.write('held\n');
  lock.lost.addEventListener('abort', () => process.stdout.write('lost\n'));
  process.stdin.once('data', () => {
    lock.release().then(() => process.exit(0));
  });
} catch (error) {
  if (!(error instanceof PublisherError)) throw error;
  process.stdout.write(`${error.code}\n`);
}
