import { PublisherError } from '../errors.ts';

/** One entry of HUB_ALLOW: what of the operator's token an account may use. */
export interface Grant {
  /** Lower-cased GitHub account. */
  owner: string;
  /** Lower-cased Hub account, and repository name or `*`. */
  namespace: string;
  name: string;
}

const ENTRY =
  /^([A-Za-z0-9][A-Za-z0-9-]{0,38})=([A-Za-z0-9][A-Za-z0-9._-]{0,95})\/(\*|[A-Za-z0-9][A-Za-z0-9._-]{0,95})$/;

/**
 * `acme=acme-models/*` lets the account `acme` publish, slim only, what only HF_TOKEN can see of `acme-models`.
 * @throws PublisherError `environment` naming an entry that cannot be used
 */
export function parseGrants(entries: readonly string[]): Grant[] {
  return entries.map((entry) => {
    const [, owner, namespace, name] = ENTRY.exec(entry) ?? [];
    if (owner === undefined || namespace === undefined || name === undefined) {
      throw new PublisherError(
        'environment',
        `HUB_ALLOW: "${entry}" is not of the form owner=namespace/name or owner=namespace/*.`,
      );
    }
    return { owner: owner.toLowerCase(), namespace: namespace.toLowerCase(), name: name.toLowerCase() };
  });
}

/** Whether an account may use what only the token can see of a repository. Nobody is granted anything by default. */
export function isGranted(id: string, owner: string | null, grants: readonly Grant[]): boolean {
  const [namespace = '', name = ''] = id.toLowerCase().split('/');
  return grants.some(
    (grant) =>
      grant.owner === owner?.toLowerCase() &&
      grant.namespace === namespace &&
      (grant.name === '*' || grant.name === name),
  );
}
