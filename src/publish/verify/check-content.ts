import { PublisherError } from '../../errors.ts';
import type { Hub } from '../../huggingface/types.ts';
import type { Digest, ImageSource } from '../../registry/types.ts';
import { licenseProblems } from './check-licenses.ts';
import { materialProblems, type ReadProvenance } from './check-provenance.ts';
import { splitProblems } from './check-split-files.ts';
import { weightProblems } from './check-weights.ts';
import { accountIn, labelsOf, licensesIn, type OwnAccount } from './image-facts.ts';
import { type FoundFile, overlay, type ReadLayer } from './layer-files.ts';
import type { ReadPlatform } from './read-manifests.ts';
import { type Check, failed, judged, notChecked } from './types.ts';

export interface ContentContext {
  source: Pick<ImageSource, 'blob'>;
  hub: Hub;
  signal: AbortSignal;
}

/**
 * Weights and licences, from layers that were read, on every platform.
 *
 * @param provenance those that may be believed: what they list has to be what the image lists
 * @throws PublisherError `hub-unavailable`
 */
export async function checkContent(
  context: ContentContext,
  platforms: readonly ReadPlatform[],
  layers: ReadonlyMap<Digest, ReadLayer>,
  provenance: readonly ReadProvenance[],
): Promise<Check[]> {
  const weights: string[] = [];
  const licenses: string[] = [];
  const factsOf = remembered(({ model, revision }: OwnAccount) =>
    context.hub.facts(model, revision, { signal: context.signal }),
  );
  let hidden: string | null = null;
  let count = 0;
  for (const each of platforms) {
    const found = each.manifest.layers.flatMap(({ digest }) => layers.get(digest) ?? []);
    if (found.length !== each.manifest.layers.length) {
      weights.push(`not every layer of ${each.platform} could be read`);
      licenses.push(`not every layer of ${each.platform} could be read`);
      continue;
    }
    const files = overlay(found);
    licenses.push(...licenseProblems(files));
    const account = accountIn(files);
    if (account === null) {
      weights.push(`/etc/model-image of ${each.platform} is missing or cannot be read`);
      continue;
    }
    count = account.files.length;
    weights.push(...ownProblems(each, account));
    const answer = await factsOf(account);
    if (answer.kind === 'unavailable') throw new PublisherError('hub-unavailable', answer.message);
    if (answer.kind !== 'found') {
      hidden = `the Hub does not show ${account.model} (${answer.kind}): ${answer.message}`;
      continue;
    }
    weights.push(...(await modelProblems(context, files, account, answer.facts)));
    weights.push(...provenance.flatMap((read) => materialProblems(read, account.files, madeBy(files))));
  }
  return [
    weights.length === 0 && hidden !== null
      ? notChecked('weights', hidden)
      : judged('weights', [...new Set(weights)], `${count} files agree with the Hub's hashes`),
    platforms.length === 0
      ? failed('licenses', 'there is no platform to look at')
      : judged('licenses', [...new Set(licenses)], 'every file of /licenses is as its manifest says'),
  ];
}

async function modelProblems(
  { source, hub, signal }: ContentContext,
  files: ReadonlyMap<string, FoundFile>,
  account: OwnAccount,
  facts: Parameters<typeof weightProblems>[3] & { id: string },
): Promise<string[]> {
  const list = licensesIn(files);
  if (list === null) return ['what was split cannot be known: /licenses/manifest.json cannot be read'];
  const model = { id: facts.id, revision: account.revision };
  return [
    ...weightProblems(files, account, list, facts),
    ...(await splitProblems({ source, hub, model, signal }, files, account, list, facts.files)),
  ];
}

/** Platforms of an image are of one model: it is asked about once. */
function remembered<T>(ask: (account: OwnAccount) => Promise<T>): (account: OwnAccount) => Promise<T> {
  const answers = new Map<string, Promise<T>>();
  return (account) => {
    const key = `${account.model}@${account.revision}`;
    const answer = answers.get(key) ?? ask(account);
    answers.set(key, answer);
    return answer;
  };
}

/** Where the image's own account and its labels differ. */
function ownProblems({ platform, config }: ReadPlatform, account: OwnAccount): string[] {
  const labels = labelsOf(config);
  const pairs = [
    ['model', labels.model, account.model],
    ['revision', labels.revision, account.revision],
    ['variant', labels.variant, account.variant],
  ];
  return pairs.flatMap(([what, label, own]) =>
    label === own ? [] : [`the ${what} of ${platform} is ${label} by its label, ${own} by /etc/model-image`],
  );
}

/** Files that no provenance lists: shards, and the indexes made for them. */
function madeBy(files: ReadonlyMap<string, FoundFile>): Set<string> {
  const split = licensesIn(files)?.resharded ?? [];
  const account = accountIn(files);
  const indexes =
    split.length === 0 ? [] : (account?.files ?? []).filter(({ path }) => path.endsWith('.safetensors.index.json'));
  return new Set([...split.flatMap(({ parts }) => parts), ...indexes.map(({ path }) => path)]);
}
