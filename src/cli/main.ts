#!/usr/bin/env node
import { runCli } from './run.ts';

// `plan | head` closes the pipe: that is not our failure.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
  });
}

const FORGOTTEN_MS = 1_000;

process.exitCode = await runCli(process.argv.slice(2), {
  stdout: process.stdout,
  stderr: process.stderr,
  variables: process.env,
});
// A name lookup or a connection attempt that nobody waits for any more must not keep the process.
setTimeout(() => process.exit(), FORGOTTEN_MS).unref();
