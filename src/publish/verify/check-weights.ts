import type { HubFile, ModelFacts } from '../../huggingface/types.ts';
import type { ListedFile } from '../../image/file-list.ts';
import type { LicenseList, OwnAccount } from './image-facts.ts';
import type { FoundFile } from './layer-files.ts';

/**
 * What is wrong with the model's files of one platform. In a fat image each file of the list lies in the layers with its hash, and nothing
 * else beside them; in both variants the list agrees with the Hub at the revision. Shards of a split file are in no listing of the Hub:
 * they are proven apart, by the whole.
 */
export function weightProblems(
  files: ReadonlyMap<string, FoundFile>,
  account: OwnAccount,
  licenses: LicenseList,
  hub: Pick<ModelFacts, 'revision' | 'files'>,
): string[] {
  return [
    ...(hub.revision === account.revision ? [] : [`the Hub answers with ${hub.revision}, not ${account.revision}`]),
    ...layerProblems(files, account),
    ...hubProblems(account, licenses, hub.files),
  ];
}

function layerProblems(
  files: ReadonlyMap<string, FoundFile>,
  { folder, files: listed, variant }: OwnAccount,
): string[] {
  const inside = new Map(
    [...files]
      .filter(([path, { type }]) => path.startsWith(`${folder}/`) && type !== 'directory')
      .map(([path, file]) => [path.slice(folder.length + 1), file]),
  );
  if (variant === 'slim') {
    return [...inside.keys()].map((path) => `${path} lies in the image, though it is slim`);
  }
  const names = new Set(listed.map(({ path }) => path));
  return [
    ...listed.flatMap((file) => {
      const found = inside.get(file.path);
      if (found === undefined) return [`${file.path} is not in the layers`];
      return sameContent(found, file) ? [] : [`${file.path} in the layers has other bytes than the image's list says`];
    }),
    ...[...inside.keys()].filter((path) => !names.has(path)).map((path) => `${path} is in no list`),
  ];
}

function hubProblems({ files }: OwnAccount, { resharded }: LicenseList, listing: readonly HubFile[]): string[] {
  const hub = new Map(listing.map((file) => [file.path, file]));
  const parts = new Set(resharded.flatMap((each) => each.parts));
  const problems = files.flatMap((file) => {
    if (parts.has(file.path) || isMadeIndex(file, resharded)) return [];
    const theirs = hub.get(file.path);
    if (theirs === undefined) return [`${file.path} is not on the Hub at this revision`];
    return agrees(theirs, file) ? [] : [`${file.path} has another hash or size on the Hub`];
  });
  const wholes = resharded.flatMap(({ path, sha256 }) => {
    const theirs = hub.get(path);
    if (theirs === undefined) return [`${path}, which was split, is not on the Hub at this revision`];
    return theirs.sha256 === sha256 ? [] : [`${path}, which was split, has another hash on the Hub`];
  });
  return [...problems, ...wholes];
}

/** The index that names the shards of split files is made by us. */
function isMadeIndex({ path }: ListedFile, resharded: LicenseList['resharded']): boolean {
  return resharded.length > 0 && path.endsWith('.safetensors.index.json');
}

function sameContent(found: FoundFile, file: ListedFile): boolean {
  if (found.size !== file.size) return false;
  return 'sha256' in file ? found.sha256 === file.sha256 : found.oid === file.oid;
}

function agrees(theirs: HubFile, file: ListedFile): boolean {
  if (theirs.size !== file.size) return false;
  return 'sha256' in file ? theirs.sha256 === file.sha256 : theirs.sha256 === null && theirs.oid === file.oid;
}
