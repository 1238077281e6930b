/**
 * Resolves the bases of all runtimes that are built here to digests and writes them to a lock file.
 *
 *   npm run pin [-- --catalog FILE] [-- --lock FILE]
 *
 * Without a catalog: the built-in runtimes. What cannot be resolved is named and not in the file. Exit codes: 0 all are pinned, 3 some
 * are not.
 */
import { writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { writeBaseLock } from '../src/build/runtimes/base-lock.ts';
import { pinBases } from '../src/build/runtimes/pin-bases.ts';
import { LOCK_FILE } from '../src/build/runtimes/recipe.ts';
import { parseCatalog } from '../src/catalog/parse.ts';
import { loadCatalog } from '../src/cli/load-catalog.ts';
import { usable } from '../src/cli/plan-context.ts';
import { readEnvironment } from '../src/environment.ts';
import { silentLogger } from '../src/log.ts';
import { createServices, PACKAGE_ROOT } from '../src/services.ts';

/** Milliseconds for all registries together. */
const PATIENCE_MS = 60_000;

const { values } = parseArgs({ options: { catalog: { type: 'string' }, lock: { type: 'string' } } });
const { catalog: path, lock = fileURLToPath(new URL(LOCK_FILE, PACKAGE_ROOT)) } = values;
const { runtimes } = usable(
  path === undefined ? parseCatalog('models: []\n') : await loadCatalog(path),
  path ?? 'the built-in catalog',
);
const services = await createServices({
  environment: readEnvironment(process.env, 'command'),
  logger: silentLogger,
  as: 'command',
});
const { pins, unpinned } = await pinBases(
  runtimes,
  (reference) => services.source(reference, null),
  AbortSignal.timeout(PATIENCE_MS),
);
await writeFile(lock, writeBaseLock(pins));
for (const [base, digest] of Object.entries(pins)) process.stdout.write(`${base} ${digest}\n`);
for (const { base, why } of unpinned) process.stderr.write(`${base} is unpinned: ${why}\n`);
process.exitCode = unpinned.length === 0 ? 0 : 3;
