/** A bot as a process of its own whose leases are short, so that a test sees them end. Its settings are its environment. */
import { readEnvironment } from '../../../src/environment.ts';
import { silentLogger } from '../../../src/log.ts';
import { startBot } from '../../../src/main.ts';

const bot = await startBot({
  environment: readEnvironment(process.env, 'bot'),
  logger: silentLogger,
  as: 'serve',
  queue: { leaseSeconds: 3, pollMs: 100 },
});
process.stdout.write(`Listening on ${bot.url}\n`);
process.on('SIGTERM', () => {
  bot.stop().finally(() => process.exit());
});
