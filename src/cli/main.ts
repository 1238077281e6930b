#!/usr/bin/env node
import { runCli } from './run.ts';

const FORGOTTEN_MS = 1_000;

process.exitCode = await runCli(process.argv.slice(2), {
  stdout: process.stdout,
  stderr: process.stderr,
  variables: process.env,
});
// A name lookup or a connection attempt that nobody waits for any more must not keep the process.
setTimeout(() => process.exit(), FORGOTTEN_MS).unref();
