import { Buffer } from 'node:buffer';
import { z } from 'zod';
import { at, type GitHubContext, nameOf } from './context.ts';
import { naming } from './errors.ts';
import type { FileResult, Repo } from './types.ts';

const treeAnswer = z.object({
  tree: z.array(z.object({ path: z.string(), mode: z.string(), sha: z.string(), size: z.number().optional() })),
  truncated: z.boolean().optional(),
});
const blobAnswer = z.object({ content: z.string(), encoding: z.string(), size: z.number() });

type TreeEntry = z.infer<typeof treeAnswer>['tree'][number];

const DIRECTORY = '040000';
const REASONS: Record<string, string> = {
  [DIRECTORY]: 'it is a directory',
  '120000': 'it is a symbolic link; commit the file itself',
  '160000': 'it is a submodule; commit the file itself',
};

/**
 * Reads a file by walking the commit's trees (GitHub REST, "Git trees" and "Git blobs"). The contents API is not used:
 * it follows symbolic links, and leaves out the content of files over 1 MiB as if they were empty.
 */
export async function fileAt(
  { octokit }: GitHubContext,
  repo: Repo,
  sha: string,
  path: string,
  maxBytes: number,
): Promise<FileResult> {
  const what = `reading ${path} of ${nameOf(repo)} at ${sha.slice(0, 12)}`;
  return naming(what, async () => {
    const entry = await findEntry(octokit, repo, sha, path);
    if (entry === null) return { kind: 'absent' };
    if (typeof entry === 'string') return { kind: 'invalid', reason: entry };
    const reason = REASONS[entry.mode];
    if (reason !== undefined) return { kind: 'invalid', reason };
    const size = entry.size ?? 0;
    if (size > maxBytes) return { kind: 'invalid', reason: `it has ${size} bytes, more than the ${maxBytes} allowed` };

    const answer = await octokit.rest.git.getBlob({ ...at(repo), file_sha: entry.sha });
    const blob = blobAnswer.parse(answer.data);
    if (blob.encoding !== 'base64') return { kind: 'invalid', reason: `GitHub sent it with encoding ${blob.encoding}` };
    const bytes = Buffer.from(blob.content, 'base64');
    if (bytes.length !== blob.size) return { kind: 'invalid', reason: 'GitHub sent only a part of it' };
    if (bytes.length > maxBytes) return { kind: 'invalid', reason: `it has more than the ${maxBytes} bytes allowed` };
    return decode(bytes);
  });
}

function decode(bytes: Uint8Array): FileResult {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    return { kind: 'file', text, bytes: bytes.length };
  } catch {
    return { kind: 'invalid', reason: 'it is not UTF-8 text' };
  }
}

/** The entry, null when there is none, or why that cannot be said. */
async function findEntry(
  octokit: GitHubContext['octokit'],
  repo: Repo,
  sha: string,
  path: string,
): Promise<TreeEntry | string | null> {
  const names = path.split('/');
  let tree = sha;
  for (const [index, name] of names.entries()) {
    const answer = await octokit.rest.git.getTree({ ...at(repo), tree_sha: tree });
    const { tree: entries, truncated } = treeAnswer.parse(answer.data);
    const entry = entries.find((candidate) => candidate.path === name);
    if (entry === undefined) return truncated === true ? 'its directory has more entries than GitHub lists' : null;
    if (index === names.length - 1) return entry;
    if (entry.mode !== DIRECTORY) return null;
    tree = entry.sha;
  }
  return null;
}
