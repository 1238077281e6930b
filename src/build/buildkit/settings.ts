import { readFile } from 'node:fs/promises';
import type { Dockerfiles } from './dockerfile.ts';

/** What plans and builds of BuildKit images agree on. */
export interface BuildKitSettings {
  dockerfiles: Dockerfiles;
  /** Of the Hub, where the builder downloads weights, without any token. */
  endpoint: string;
}

/** @param root the package's own folder */
export async function readBuildKitSettings(root: URL, endpoint: string): Promise<BuildKitSettings> {
  const read = (name: string) => readFile(new URL(`docker/${name}`, root), 'utf8');
  return { dockerfiles: { slim: await read('Dockerfile.slim'), fat: await read('Dockerfile.fat') }, endpoint };
}
