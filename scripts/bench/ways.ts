import { barePipe } from './bare-pipe.ts';
import { withAdd, withRun } from './buildx.ts';
import { type Engine, startEngine } from './engine.ts';
import type { BenchHub } from './hub.ts';
import { type Measured, median } from './measure.ts';
import { downloadAndPush, pushAgain } from './oras.ts';
import { ours, prepareLedger } from './ours.ts';
import { openStage, type Stage } from './stage.ts';

/** One way from the Hub to a registry: from nothing, and once more when only the base is another. */
interface Way {
  /** For `--only`. */
  key: string;
  title: string;
  /** Programs it needs. */
  needs: string[];
  /** What is there before, and not measured. */
  prepare?(stage: Stage): Promise<void>;
  fresh(stage: Stage, engine: Engine | null): Promise<Measured>;
  bump?(stage: Stage, engine: Engine | null): Promise<Measured>;
}

export interface WayRow {
  key: string;
  title: string;
  fresh: Measured;
  bump: Measured | null;
}

const PIPE = ['bash', 'curl', 'tee', 'xargs', 'mkfifo'];
const ENGINE = ['dockerd', 'docker', 'busybox'];

export const WAYS: Way[] = [
  {
    key: 'pipe',
    title: 'bare pipe: `curl`, `tee`, `sha256sum`, `curl`; four at a time',
    needs: [...PIPE, 'sha256sum'],
    fresh: (stage) => barePipe(stage),
  },
  {
    key: 'pipe-sequential',
    title: 'the same, one after the other',
    needs: [...PIPE, 'sha256sum'],
    fresh: (stage) => barePipe(stage, { order: 'sequential' }),
  },
  {
    key: 'pipe-openssl',
    title: 'bare pipe with `openssl sha256`; four at a time',
    needs: [...PIPE, 'openssl'],
    fresh: (stage) => barePipe(stage, { hash: 'openssl' }),
  },
  {
    key: 'ours',
    title: '**ours**: `build --variant fat`',
    needs: [],
    prepare: prepareLedger,
    fresh: (stage) => ours(stage),
    bump: (stage) => ours(stage, { base: 'v2' }),
  },
  {
    key: 'ours-new',
    title: 'the same, creating its ledger',
    needs: [],
    fresh: (stage) => ours(stage),
  },
  {
    key: 'oras',
    title: 'download, then `oras push` (no image)',
    needs: ['curl', 'oras'],
    fresh: downloadAndPush,
    bump: pushAgain,
  },
  {
    key: 'buildx-add',
    title: '`docker buildx`, `ADD --link --checksum`, uncompressed',
    needs: ENGINE,
    fresh: (stage, engine) => withAdd(stage, running(engine), 'v1'),
    bump: (stage, engine) => withAdd(stage, running(engine), 'v2'),
  },
  {
    key: 'buildx-run',
    title: '`docker buildx`, `RUN` download, default compression: the founding way',
    needs: ENGINE,
    fresh: (stage, engine) => withRun(stage, running(engine), 'v1'),
    bump: (stage, engine) => withRun(stage, running(engine), 'v2'),
  },
];

/** Each repetition starts on a stage of its own: an empty registry, an empty engine, an empty ledger. */
export async function measureWay(way: Way, hub: BenchHub, repeat: number, signal: AbortSignal): Promise<WayRow> {
  const fresh: Measured[] = [];
  const bump: Measured[] = [];
  for (let round = 0; round < repeat; round++) {
    await using stage = await openStage(hub, signal);
    await using engine = way.needs.includes('dockerd') ? await startEngine(stage.folder) : null;
    await way.prepare?.(stage);
    fresh.push(await way.fresh(stage, engine));
    if (way.bump !== undefined) bump.push(await way.bump(stage, engine));
  }
  return { key: way.key, title: way.title, fresh: median(fresh), bump: bump.length === 0 ? null : median(bump) };
}

function running(engine: Engine | null): Engine {
  if (engine === null) throw new Error('this way needs an engine');
  return engine;
}
