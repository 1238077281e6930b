/** Variables that say which container engine `docker` speaks to. */
export const ENGINE_VARIABLES: readonly string[] = [
  'DOCKER_HOST',
  'DOCKER_CONTEXT',
  'DOCKER_TLS_VERIFY',
  'DOCKER_CERT_PATH',
];

/** Those, and what says which builder `docker buildx` uses, with whose logins, and how it gets there. */
export const BUILDX_VARIABLES: readonly string[] = [
  ...ENGINE_VARIABLES,
  'DOCKER_CONFIG',
  'BUILDX_BUILDER',
  'BUILDX_CONFIG',
  'KUBECONFIG',
  'SSH_AUTH_SOCK',
  'HTTP_PROXY',
  'HTTPS_PROXY',
  'NO_PROXY',
];

/** What of a process's variables a child is given: those that are named here and set there. */
export function passedOn(
  variables: Readonly<Record<string, string | undefined>>,
  names: readonly string[],
): Record<string, string> {
  return Object.fromEntries(
    names.flatMap((name) => {
      const value = variables[name];
      return value === undefined ? [] : [[name, value]];
    }),
  );
}
