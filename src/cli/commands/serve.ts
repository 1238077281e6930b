import { flushCompileCache } from 'node:module';
import { readEnvironment } from '../../environment.ts';
import type { ExitCode } from '../../errors.ts';
import { createRedactor } from '../../http/redact.ts';
import type { Logger } from '../../log.ts';
import type { Bot } from '../../main.ts';
import type { Command, CommandContext } from '../command.ts';

export const serve: Command = {
  name: 'serve',
  summary: 'run the bot: webhooks, /healthz, /metrics, and its jobs',
  positionals: [],
  flags: {},
  details: 'Settings come from the environment; see README.md, "Settings". Exit code 2 lists every missing one.',
  run: (context) => runBot('serve', context),
};

export const worker: Command = {
  name: 'worker',
  summary: 'run only the jobs of a bot, on the PostgreSQL database it shares (DATABASE_URL)',
  positionals: [],
  flags: {},
  run: (context) => runBot('worker', context),
};

async function runBot(as: 'serve' | 'worker', { variables, output, signal }: CommandContext): Promise<ExitCode> {
  const environment = readEnvironment(variables, 'bot');
  // Loaded only here: no other command should wait for all of a bot.
  const [{ startBot }, { pino }] = await Promise.all([import('../../main.ts'), import('pino')]);
  const bot: Bot = await startBot({ environment, logger: jsonLogger(pino, environment.secrets), as });
  output.result({ status: 'ready', url: bot.url }, [bot.url === null ? 'Worker ready.' : `Listening on ${bot.url}`]);
  // All its code is loaded: written now, so that the end of the process is not held up by it.
  flushCompileCache();
  const stopped = new Promise<'signal'>((resolve) => {
    if (signal.aborted) resolve('signal');
    else signal.addEventListener('abort', () => resolve('signal'), { once: true });
  });
  const why = await Promise.race([stopped, bot.lost.then(() => 'lost' as const)]);
  await bot.stop();
  if (why === 'lost') output.say('busy: another process took over the data folder; stopping.');
  return why === 'lost' ? 2 : 0;
}

/** One JSON object a line on stderr, every line redacted. */
function jsonLogger(pino: typeof import('pino').pino, secrets: string[]): Logger {
  const redact = createRedactor(secrets);
  return pino(
    { level: process.env.LOG_LEVEL ?? 'info', base: null, timestamp: pino.stdTimeFunctions.isoTime },
    { write: (line: string) => void process.stderr.write(redact(line)) },
  );
}
