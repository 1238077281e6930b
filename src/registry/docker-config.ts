import { access } from 'node:fs/promises';
import type { Environment } from '../environment.ts';
import { credentialDirs } from './credentials.ts';

/** The folder whose `config.json` programs such as Trivy and docker find an owner's registry credentials in; null where there is none. */
export async function dockerConfigOf(
  owner: string | null,
  { registryAuthDir, dockerConfig }: Pick<Environment, 'registryAuthDir' | 'dockerConfig'>,
): Promise<string | null> {
  for (const dir of credentialDirs(owner, registryAuthDir, dockerConfig)) {
    const found = await access(`${dir}/config.json`).then(
      () => true,
      () => false,
    );
    if (found) return dir;
  }
  return null;
}
