/** Trivy's command lines and environment, apart from running it. Flags as documented for v0.74. */

export interface ImageScan {
  /** Resolved, pinned by digest. */
  reference: string;
  /** `os/arch` of an index to look at; null takes Trivy's own choice. */
  platform: string | null;
  /** Folder of databases and of layers analysed before; null leaves it to Trivy or TRIVY_CACHE_DIR. */
  cacheDir: string | null;
  /** Milliseconds. */
  timeoutMs: number;
}

/**
 * `trivy image`, reading the registry directly. Findings do not change the exit code: only failures do.
 * Packages without a finding are left out of the report, which is many times smaller then.
 */
export function imageArguments({ reference, platform, cacheDir, timeoutMs }: ImageScan): string[] {
  return [
    'image',
    ...['--image-src', 'remote'],
    ...['--scanners', 'vuln'],
    ...['--format', 'json'],
    '--list-all-pkgs=false',
    ...['--exit-code', '0'],
    ...['--timeout', `${Math.ceil(timeoutMs / 1000)}s`],
    '--no-progress',
    '--skip-version-check',
    '--disable-telemetry',
    ...(platform === null ? [] : ['--platform', platform]),
    ...cacheArguments(cacheDir),
    // A reference never looks like a flag, and never is read as one.
    '--',
    reference,
  ];
}

/** `trivy version`, which also says how old the vulnerability database in the folder is. */
export function versionArguments(cacheDir: string | null): string[] {
  return ['version', '--format', 'json', ...cacheArguments(cacheDir)];
}

const cacheArguments = (cacheDir: string | null): string[] => (cacheDir === null ? [] : ['--cache-dir', cacheDir]);

/** Settings that would send the report elsewhere or in another form, or credentials to every registry. */
const WITHHELD = new Set([
  'TRIVY_FORMAT',
  'TRIVY_OUTPUT',
  'TRIVY_TEMPLATE',
  'TRIVY_EXIT_CODE',
  'TRIVY_EXIT_ON_EOL',
  'TRIVY_USERNAME',
  'TRIVY_PASSWORD',
  'TRIVY_PASSWORD_STDIN',
  'TRIVY_REGISTRY_TOKEN',
]);

/** How Trivy reaches the network, and whom it believes there. */
const NETWORK = ['HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY', 'http_proxy', 'https_proxy', 'no_proxy'];
const CERTIFICATES = ['SSL_CERT_FILE', 'SSL_CERT_DIR'];
const CACHE = ['XDG_CACHE_HOME'];

/**
 * The operator's `TRIVY_*` as Trivy reads them, and what the network needs; nothing else of our environment.
 * Registry credentials come only through a Docker configuration chosen for the owner.
 */
export function trivyEnvironment(env: Readonly<Record<string, string | undefined>>): Record<string, string> {
  const passed = [...NETWORK, ...CERTIFICATES, ...CACHE];
  return Object.fromEntries(
    Object.entries(env).filter(
      (entry): entry is [string, string] =>
        entry[1] !== undefined &&
        (passed.includes(entry[0]) || (entry[0].startsWith('TRIVY_') && !WITHHELD.has(entry[0]))),
    ),
  );
}
