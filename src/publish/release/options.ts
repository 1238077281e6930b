import { z } from 'zod';
import { isReservedTag } from '../../build/runtimes/identity.ts';

/** Also what is left of 128 characters once a runtime and a variant are appended. */
const TAG = /^[A-Za-z0-9][A-Za-z0-9._+-]{0,63}$/;
/** Tags with a meaning of their own in the repositories of models and runtimes. */
const TAKEN = /^(latest(-|$)|pr-\d|sha256-|publisher-owner$)/;
const SETTING = /^([A-Za-z_][A-Za-z0-9_]{0,63})=([A-Za-z0-9][A-Za-z0-9._+-]{0,63})$/;

/** What a release is asked for with: the inputs of the founding workflow. */
export const releaseOptionsSchema = z.object({
  /** Name of the release and of its git tag, e.g. `v1.2.0`. */
  tag: z.string(),
  /** `latest-<variant>` too. */
  latest: z.boolean(),
  /** Experimental runtimes too. */
  experimental: z.boolean(),
  /** `ARG=VALUE`: build arguments of the runtimes that are built here. */
  set: z.array(z.string()),
});
export type ReleaseOptions = z.infer<typeof releaseOptionsSchema>;

export type ParsedRelease = { ok: true; options: ReleaseOptions } | { ok: false; message: string };

export const RELEASE_USAGE = 'write `/release <tag> [--latest] [--experimental] [--set ARG=VALUE]…`';

/** Why a name cannot be that of a release, in one sentence; null when it can. */
export function releaseTagProblem(tag: string): string | null {
  const shown = JSON.stringify(tag.slice(0, 80));
  if (!TAG.test(tag)) {
    return `${shown} is no name of a release: a letter or digit, then at most 63 letters, digits and . _ + - are one.`;
  }
  if (TAKEN.test(tag) || isReservedTag(tag))
    return `${shown} stands for something else among the tags: choose another name.`;
  return null;
}

/** The words after `/release`. Whether a runtime declares an argument is known only with the catalog. */
export function parseRelease(words: readonly string[]): ParsedRelease {
  const no = (message: string): ParsedRelease => ({ ok: false, message });
  const [tag, ...flags] = words;
  if (tag === undefined || tag.startsWith('-')) return no(RELEASE_USAGE);
  const problem = releaseTagProblem(tag);
  if (problem !== null) return no(problem.replace(/\.$/, ''));
  const options: ReleaseOptions = { tag, latest: false, experimental: false, set: [] };
  for (let at = 0; at < flags.length; at += 1) {
    const flag = flags[at];
    if (flag === '--latest') options.latest = true;
    else if (flag === '--experimental') options.experimental = true;
    else if (flag === '--set') {
      at += 1;
      const setting = flags[at] ?? '';
      if (!SETTING.test(setting)) return no(`\`--set\` is followed by \`ARG=VALUE\`; ${RELEASE_USAGE}`);
      options.set.push(setting);
    } else return no(RELEASE_USAGE);
  }
  return { ok: true, options };
}
