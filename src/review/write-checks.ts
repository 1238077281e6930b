import type { CheckRun, GitHub, Repo } from '../github/types.ts';
import { canonicalJson } from '../image/canonical-json.ts';
import { sha256Hex } from '../image/hash.ts';
import type { CheckButton, CheckReport } from '../report/types.ts';
import type { Services } from '../services.ts';

/** What was last written of a check in this process: saves GitHub a search and a write that changes nothing. */
export interface CheckMemory {
  get(key: string): { id: number; hash: string } | undefined;
  set(key: string, value: { id: number; hash: string }): void;
}

/** GitHub allows 20 characters of label and 40 of description. */
const BUTTONS: Record<CheckButton, { label: string; description: string }> = {
  approve: { label: 'Approve', description: 'Build what this commit asks for' },
  rebuild: { label: 'Rebuild', description: 'Resolve again, build and scan' },
};

const MOST_REMEMBERED = 10_000;

export function createCheckMemory(): CheckMemory {
  const known = new Map<string, { id: number; hash: string }>();
  return {
    get: (key) => known.get(key),
    set(key, value) {
      known.delete(key);
      known.set(key, value);
      for (const oldest of known.keys()) {
        if (known.size <= MOST_REMEMBERED) break;
        known.delete(oldest);
      }
    },
  };
}

/** What a check is about: a pull request (0 for a merge group), or a push to the default branch. */
export interface CheckSubject {
  repoId: number;
  pr: number | 'push';
  headSha: string;
}

/** Writes the checks that differ from what GitHub shows; the required one last, so that it never concludes before the others. */
export async function writeChecks(
  github: GitHub,
  repo: Repo,
  { repoId, pr, headSha }: CheckSubject,
  checks: CheckReport[],
  { checkMemory, services }: { checkMemory: CheckMemory; services: Pick<Services, 'clock' | 'redact'> },
): Promise<void> {
  for (const check of checks) {
    const key = `${repoId} ${headSha} ${pr} ${check.name}`;
    const hash = sha256Hex(canonicalJson(check));
    const known = checkMemory.get(key);
    if (known?.hash === hash) continue;
    const now = new Date(services.clock.now()).toISOString();
    const id = await github.upsertCheck(repo, { ...checkRun(check, headSha, pr, now, services.redact), id: known?.id });
    checkMemory.set(key, { id, hash });
  }
}

function checkRun(
  check: CheckReport,
  headSha: string,
  pr: CheckSubject['pr'],
  now: string,
  redact: (text: string) => string,
): CheckRun {
  const state =
    check.status === 'completed'
      ? { status: check.status, conclusion: check.conclusion ?? 'failure', completedAt: now }
      : { status: check.status };
  return {
    ...state,
    headSha,
    name: check.name,
    externalId: pr === 'push' ? `push:${headSha}:${check.name}` : `pull-${pr}:${check.name}`,
    title: redact(check.title),
    summary: redact(check.summary),
    annotations: check.annotations.map(({ path, line, column, level, message }) => ({
      path,
      startLine: line,
      endLine: line,
      ...(column === null ? {} : { startColumn: column, endColumn: column }),
      level,
      message: redact(message),
    })),
    actions: check.actions.map((identifier) => ({ identifier, ...BUTTONS[identifier] })),
  };
}
