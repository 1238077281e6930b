#!/usr/bin/env node
import { enableCompileCache } from 'node:module';
import { fileURLToPath } from 'node:url';

// Of what is installed beside us, so that nobody else can write it; where that cannot be written, commands only start slower.
enableCompileCache(
  process.env.NODE_COMPILE_CACHE ?? fileURLToPath(new URL('../../node_modules/.cache/compiled', import.meta.url)),
);

// `plan | head` closes the pipe: that is not our failure.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
  });
}

const FORGOTTEN_MS = 100;

const { runCli } = await import('./run.ts');
process.exitCode = await runCli(process.argv.slice(2), {
  stdout: process.stdout,
  stderr: process.stderr,
  variables: process.env,
});
// A name lookup or a connection attempt that nobody waits for any more must not keep the process.
setTimeout(() => process.exit(), FORGOTTEN_MS).unref();
