/**
 * What a branch appends to the namespace of the registries that ask for it (`{namespace_suffix}`): nothing on the default branch, else
 * `0` and the first segment of its name, `feat/add-login` → `0feat`.
 */
export function namespaceSuffix(branch: string | null, defaultBranch: string): string {
  if (branch === null || branch === '' || branch === defaultBranch) return '';
  const [segment = ''] = branch.toLowerCase().split('/');
  const name = segment.replace(/[^a-z0-9]+/g, '');
  return name === '' ? '' : `0${name}`;
}
