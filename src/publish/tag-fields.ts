import type { TagFields } from './tags.ts';

/** Fields of a resolved commit (40 hex). */
export function revisionFields(revision: string): TagFields {
  return { revision, sha: revision.slice(0, 7) };
}

/** Fields of an inputs key (64 hex). */
export function inputsFields(key: string): TagFields {
  return { inputs: key.slice(0, 12) };
}

/** Fields of a moment, in UTC: `{date}` YYYY.MM.DD, `{time}` HHMM. */
export function timeFields(milliseconds: number): TagFields {
  const iso = new Date(milliseconds).toISOString();
  return { date: iso.slice(0, 10).replaceAll('-', '.'), time: iso.slice(11, 16).replace(':', '') };
}

/** Fields of a release's git tag. Only a semantic version that is no pre-release has major, minor and patch. */
export function releaseFields(gitTag: string): TagFields {
  const match = /^v?(\d+)\.(\d+)\.(\d+)(?:\+.*)?$/.exec(gitTag);
  const release = /^v\d/.test(gitTag) ? gitTag.slice(1) : gitTag;
  if (match === null) return { release };
  return { release, major: match[1] ?? null, minor: match[2] ?? null, patch: match[3] ?? null };
}
