const MEMORY = '4g';
const PROCESSES = 512;
const SCRATCH = '512m';

/** Docker's client hands these from its configuration to every container; they may hold a password. */
const PROXY_VARIABLES = ['HTTP_PROXY', 'HTTPS_PROXY', 'FTP_PROXY', 'NO_PROXY', 'ALL_PROXY'].flatMap((name) => [
  name,
  name.toLowerCase(),
]);

/** `docker version` for `serverSchema`. */
export function serverArguments(): string[] {
  return ['version', '--format', '{{json .Server}}'];
}

/**
 * `docker run` of an image that is only examined: nothing goes in (no network, token, proxy or volume of ours), nothing stays, nothing is
 * gained (no capabilities, no new privileges), and memory, processes and scratch space are bounded.
 *
 * @param name of the container, by which it can be removed
 * @param command arguments of the entrypoint
 */
export function runArguments(reference: string, name: string, command: readonly string[]): string[] {
  return [
    'run',
    '--rm',
    `--name=${name}`,
    '--pull=never',
    '--network=none',
    '--cap-drop=ALL',
    '--security-opt=no-new-privileges',
    '--read-only',
    `--tmpfs=/tmp:rw,size=${SCRATCH},mode=1777`,
    `--memory=${MEMORY}`,
    `--memory-swap=${MEMORY}`,
    `--pids-limit=${PROCESSES}`,
    '--log-driver=none',
    '--no-healthcheck',
    '--env=MODEL_IMAGE_CHECK=1',
    ...PROXY_VARIABLES.map((variable) => `--env=${variable}=`),
    reference,
    ...command,
  ];
}
