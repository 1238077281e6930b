import { z } from 'zod';
import { parsePlatform, platformMatches } from '../../image/platform.ts';
import type { Labels } from './image-facts.ts';

const schema = z.object({
  buildDefinition: z.object({
    externalParameters: z.object({
      model: z.string(),
      short: z.string(),
      runtime: z.string(),
      variant: z.string(),
    }),
    internalParameters: z.object({
      inputs: z.string(),
      revision: z.string(),
      platforms: z.record(z.string(), z.string()),
    }),
    resolvedDependencies: z.array(
      z.object({ name: z.string(), uri: z.string().optional(), digest: z.record(z.string(), z.string()) }),
    ),
  }),
});
export type ReadProvenance = z.infer<typeof schema>['buildDefinition'];

/** null for what is no provenance of ours. */
export function readProvenance(predicate: unknown): ReadProvenance | null {
  return schema.safeParse(predicate).data?.buildDefinition ?? null;
}

/** Where provenance and the labels of one platform disagree. */
export function provenanceProblems(
  { externalParameters: asked, internalParameters: made }: ReadProvenance,
  labels: Labels,
  platform: string,
): string[] {
  const key = Object.keys(made.platforms).find((each) => platformMatches(parsePlatform(each), parsePlatform(platform)));
  const pairs: [string, string | null, string | null | undefined][] = [
    ['model', labels.model, asked.model],
    ['variant', labels.variant, asked.variant],
    ['runtime', labels.runtime, asked.runtime],
    ['revision', labels.revision, made.revision],
    ['inputs key', labels.inputs, made.inputs],
    ['base', labels.base, key === undefined ? null : made.platforms[key]],
  ];
  return pairs.flatMap(([what, label, stated]) =>
    label === (stated ?? null) ? [] : [`the ${what} of ${platform} is ${label}, the provenance says ${stated}`],
  );
}

/** Where the list of files in the image and the provenance disagree. */
export function materialProblems(
  { resolvedDependencies }: ReadProvenance,
  listed: readonly ({ path: string } & ({ sha256: string } | { oid: string }))[],
  made: ReadonlySet<string>,
): string[] {
  const stated = new Map(resolvedDependencies.map(({ name, digest }) => [name, digest.sha256 ?? digest.gitBlob]));
  return listed
    .filter(({ path }) => !made.has(path))
    .filter((file) => stated.get(file.path) !== ('sha256' in file ? file.sha256 : file.oid))
    .map(({ path }) => `${path} is another in the provenance`);
}
