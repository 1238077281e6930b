import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { run } from '../../src/exec.ts';
import { MODEL } from './hub.ts';
import { type Measured, measure } from './measure.ts';
import { BASES, type Stage } from './stage.ts';

const CLI = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));
/** As `npm run cli` has it. */
const NODE_COMPILE_CACHE = fileURLToPath(new URL('../../node_modules/.cache/compiled', import.meta.url));
const answer = z.object({
  images: z.array(
    z.object({
      bytes: z.object({ weights: z.number(), uploaded: z.number(), reused: z.number() }),
      durationMs: z.number(),
    }),
  ),
});

export interface OursOptions {
  /** Default: fat. */
  variant?: 'slim' | 'fat';
  base?: keyof typeof BASES;
  platforms?: string[];
  /** The runtime to build, out of two. */
  runtime?: 'first' | 'second';
  /** Hosts it is pushed to. Default: the stage's registry. */
  registries?: string[];
  /** Name of the ledger's folder; another name is another, empty ledger. */
  ledger?: string;
  tag?: string;
}

export interface OursMeasured extends Measured {
  /** What the command itself says: from facts known to digest pushed. */
  buildSeconds: number;
  uploaded: number;
  reused: number;
}

/** A ledger that exists, as that of anybody who built before, and holds nothing of the weights: creating one has its own price. */
export async function prepareLedger(stage: Stage, options: OursOptions = {}): Promise<void> {
  await ours(stage, { ...options, variant: 'slim' });
}

/** `build … --variant fat` as a user starts it: a fresh process, its ledger in a folder. */
export async function ours(stage: Stage, options: OursOptions = {}): Promise<OursMeasured> {
  const { variant = 'fat', runtime = 'first', ledger = 'data', tag } = options;
  await writeFile(join(stage.folder, 'models.yaml'), JSON.stringify(catalog(stage, options)));
  const tagged = tag === undefined ? [] : ['--tag', tag];
  const { result, ...measured } = await measure(() =>
    run(process.execPath, [CLI, 'build', 'tiny', '--variant', variant, '--runtime', runtime, ...tagged, '--json'], {
      cwd: stage.folder,
      env: { HOME: stage.folder, NODE_COMPILE_CACHE, HF_ENDPOINT: stage.hub.url, DATA_DIR: join(stage.folder, ledger) },
      signal: stage.signal,
    }),
  );
  const { images } = answer.parse(JSON.parse(result.stdout));
  const sum = (pick: (image: (typeof images)[number]) => number) =>
    images.reduce((total, image) => total + pick(image), 0);
  return {
    ...measured,
    buildSeconds: sum(({ durationMs }) => durationMs) / 1000,
    uploaded: sum(({ bytes }) => bytes.uploaded),
    reused: sum(({ bytes }) => bytes.reused),
  };
}

function catalog({ registry }: Stage, options: OursOptions): object {
  const { base = 'v1', platforms = ['linux/amd64'], registries = [registry] } = options;
  const named = registries.map((host, at) => [`registry${at}`, `${host}/bench`] as const);
  return {
    defaults: {
      registries: Object.fromEntries(named),
      publish: Object.fromEntries(named.map(([name]) => [name, true])),
    },
    runtimes: {
      first: { engine: 'vllm', image: `${registry}/${BASES[base]}`, platforms },
      second: { engine: 'vllm', image: `${registry}/${BASES.other}`, platforms },
    },
    models: [{ id: MODEL, short: 'tiny', runtimes: ['first', 'second'] }],
  };
}
