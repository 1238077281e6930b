import { LICENSES, licensesIn } from './image-facts.ts';
import type { FoundFile } from './layer-files.ts';

/** What is wrong with `/licenses` of one platform: every file the manifest names is there with its hash, and no other. */
export function licenseProblems(files: ReadonlyMap<string, FoundFile>): string[] {
  const list = licensesIn(files);
  if (list === null) return [`/${LICENSES} is missing or cannot be read`];
  const named = new Map(list.files.map(({ path, sha256 }) => [path.slice(1), sha256]));
  const wrong = [...named].flatMap(([path, sha256]) => {
    const found = files.get(path);
    if (found === undefined) return [`/${path} is missing`];
    return found.sha256 === sha256 ? [] : [`/${path} has other bytes than its manifest says`];
  });
  const unnamed = [...files]
    .filter(([path, { type }]) => path.startsWith('licenses/') && type !== 'directory' && path !== LICENSES)
    .filter(([path]) => !named.has(path))
    .map(([path]) => `/${path} is not in the manifest`);
  return [...wrong, ...unnamed];
}
