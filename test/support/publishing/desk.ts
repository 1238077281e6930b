import type { Catalog } from '../../../src/catalog/types.ts';
import { systemClock } from '../../../src/clock.ts';
import { silentLogger } from '../../../src/log.ts';
import type { Branch, Wanted } from '../../../src/publishing/branch.ts';
import { planPublication } from '../../../src/publishing/plan-publication.ts';
import { RegistryClient } from '../../../src/registry/client.ts';
import type { TargetState } from '../../../src/report/types.ts';
import { CATALOG_PATH, type ReviewContext } from '../../../src/review/context.ts';
import { parse } from '../../../src/review/read-catalogs.ts';
import type { ReviewPlan } from '../../../src/review/types.ts';
import type { Services } from '../../../src/services.ts';
import { catalogId } from '../../../src/store/publications.ts';
import { entry } from '../demo/stories.ts';
import { tinyModel } from '../hub/tiny.ts';
import { MemoryPublishTarget, pushImage } from '../publish/memory-publisher.ts';
import { targetState } from '../report/report.ts';
import { startOffice } from '../review/office.ts';

/** One model of a default branch, planned, on a real ledger and a registry on loopback: what is left is to publish it. */
export interface Desk {
  readonly context: ReviewContext;
  /** A branch, with a repository of its own, that asks for the model under this `short`. */
  ask(short: string): Promise<Asked>;
  close(): Promise<void>;
}

export interface Asked {
  branch: Branch;
  catalog: Catalog;
  wanted: Wanted;
  plan: ReviewPlan;
  /** Straight at what the registry keeps. */
  repository: MemoryPublishTarget;
  /** Its images, built and passed; other content is another digest. */
  built(content?: string): Promise<TargetState[]>;
  /** Moves the head of the branch to another commit that asks for the same. */
  look(): Branch;
}

const MODEL = 'acme/tiny';
const { signal } = new AbortController();

export async function startDesk(): Promise<Desk> {
  const office = await startOffice([tinyModel({ id: MODEL })]);
  const client = new RegistryClient({
    fetch: globalThis.fetch,
    clock: systemClock,
    credentials: async () => ({ username: 'robot', password: 'secret' }),
    logger: silentLogger,
    userAgent: 'test',
  });
  const services: Services = { ...office.context.services, target: (place) => client.repository(place) };
  const context: ReviewContext = { ...office.context, services };
  return {
    context,
    close: () => office.close(),
    async ask(short) {
      const { github, repoId, branch: move } = office.team([entry(MODEL, short)]);
      const parsed = parse(office.catalog([entry(MODEL, short)]));
      if (!parsed.valid) throw new Error('the catalog is not valid');
      const { catalog } = parsed;
      const look = (): Branch => ({
        installationId: repoId,
        repoId,
        owner: 'acme',
        repo: `models-${repoId}`,
        github,
        name: { owner: 'acme', name: `models-${repoId}` },
        branch: 'main',
        head: move('main', null),
        catalogId: catalogId(repoId, CATALOG_PATH),
      });
      const branch = look();
      const wanted: Wanted = { short, entry: `entry of ${short}`, known: null };
      const asked = { pins: [], shown: [], experimental: [], tagFields: {} };
      const { plan } = await planPublication(branch, catalog, [wanted], asked, context, signal);
      const name = plan.targets[0]?.repository;
      if (name == null) throw new Error('planned for no repository');
      const repository = new MemoryPublishTarget(name, office.registry.storage);
      return {
        branch,
        catalog,
        wanted,
        plan,
        repository,
        look,
        async built(content = 'first') {
          const states: TargetState[] = [];
          for (const target of plan.targets) {
            const digest = await pushImage(repository, `${content} ${target.variant}`);
            const { build } = targetState(target);
            if (build?.state !== 'built') throw new Error('not built');
            states.push(targetState(target, { build: { ...build, image: { ...build.image, digest } } }));
          }
          return states;
        },
      };
    },
  };
}
