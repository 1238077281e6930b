import { PublisherError } from '../errors.ts';
import type { Scan } from './schema.ts';
import { statusOf } from './tree.ts';
import type { HubFile } from './types.ts';

/**
 * Files with the scanners' verdicts. The tree brings them along; a Hub whose tree has none at all is asked once for its list of issues, which
 * can accuse a file but clears none: what it does not name stays without a verdict.
 *
 * @param readScan `GET /api/models/{id}/scan`
 */
export async function withVerdicts(
  files: HubFile[],
  readScan: () => Promise<Scan>,
): Promise<{ files: HubFile[]; notChecked: string[] }> {
  if (files.length === 0 || files.some(({ security }) => security !== null)) return { files, notChecked: [] };
  try {
    const { filesWithIssues } = await readScan();
    const levels = new Map(filesWithIssues.map(({ path, level }) => [path, statusOf(level) ?? 'suspicious']));
    return {
      files: files.map((file) => ({ ...file, security: levels.get(file.path) ?? null })),
      notChecked: ["the Hub's scanners give no verdicts by file, only a list of issues"],
    };
  } catch (error) {
    if (!(error instanceof PublisherError) || error.code === 'cancelled') throw error;
    return { files, notChecked: [`the verdicts of the Hub's scanners: ${error.message}`] };
  }
}
