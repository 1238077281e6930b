import { parseTemplate } from '../../catalog/tag-template.ts';
import type { TagTemplate } from '../../catalog/types.ts';
import { releaseFields } from '../tag-fields.ts';
import type { ReleaseOptions } from './options.ts';

interface Version {
  major: number;
  minor: number;
  patch: number;
}

type Field = 'release' | 'major' | 'minor' | 'patch';

const FULL = '{release}-{variant}';
const MINOR = '{major}.{minor}-{variant}';
const MAJOR = '{major}-{variant}';
const LATEST = 'latest-{variant}';

/**
 * The templates of a release: the built-in ones and those of the catalog that name a field only releases have. What says less than the
 * whole version moves with the newest: a patch of an older line does not take `1-slim` back.
 *
 * @param earlier git tags of what was released before
 */
export function releaseTemplates(
  { tag, latest }: Pick<ReleaseOptions, 'tag' | 'latest'>,
  catalog: readonly TagTemplate[],
  earlier: readonly string[],
): TagTemplate[] {
  const builtin = [FULL, MINOR, MAJOR].map((template) => ({ template, immutable: false }));
  const own = catalog.filter(({ template }) => fieldsOf(template).size > 0);
  const version = versionOf(tag);
  const others = earlier.flatMap((other) => versionOf(other) ?? []);
  const named = [...builtin, ...own].filter(({ template }) => version === null || moves(template, version, others));
  return latest ? [...named, { template: LATEST, immutable: false }] : named;
}

function moves(template: string, version: Version, others: readonly Version[]): boolean {
  const fields = fieldsOf(template);
  if (fields.has('release') || fields.has('patch')) return true;
  const sameLine = (other: Version) =>
    (!fields.has('major') || other.major === version.major) && (!fields.has('minor') || other.minor === version.minor);
  return !others.some((other) => sameLine(other) && isNewer(other, version));
}

function fieldsOf(template: string): Set<Field> {
  const parsed = parseTemplate(template);
  const names = new Set<Field>();
  for (const part of parsed.valid ? parsed.parts : []) {
    if (!('field' in part)) continue;
    const { field } = part;
    if (field === 'release' || field === 'major' || field === 'minor' || field === 'patch') names.add(field);
  }
  return names;
}

/** null for what is no semantic version, or a pre-release: neither moves anything but its own tag. */
function versionOf(tag: string): Version | null {
  const { major, minor, patch } = releaseFields(tag);
  if (major == null || minor == null || patch == null) return null;
  return { major: Number(major), minor: Number(minor), patch: Number(patch) };
}

const isNewer = (one: Version, other: Version): boolean =>
  one.major - other.major > 0 ||
  (one.major === other.major && (one.minor > other.minor || (one.minor === other.minor && one.patch > other.patch)));
