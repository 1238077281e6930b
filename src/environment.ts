import { z } from 'zod';
import { PublisherError } from './errors.ts';
import { type SigningSettings, signingProblems, signingSettings, signingVariables } from './publish/attest/settings.ts';

/** Ceilings of the operator: they win over any catalog. Numbers are counts, bytes or milliseconds, as named. */
export interface Ceilings {
  maxModels: number;
  maxChangedPerPr: number;
  maxPlannedPerPr: number;
  maxTargetsPerModel: number;
  maxImageBytes: number;
  maxBytesPerOwnerPerDay: number;
  maxBuildsPerOwner: number;
  stallTimeoutMs: number;
}

export interface Environment {
  hubEndpoint: string;
  hubToken: string | null;
  dataDir: string;
  databaseUrl: string | null;
  /** Folder with Docker's `config.json`; null = none. */
  dockerConfig: string | null;
  registryAuthDir: string | null;
  /** null = not set: the defaults of `docs/security.md` in the bot, no restriction on the command line. */
  sourceAllow: string[] | null;
  publishAllow: string[] | null;
  hubAllow: string[];
  ownerAllow: string[] | null;
  scan: 'required' | 'optional';
  /** Whether finished images are run in this machine's container engine. */
  smoke: 'on' | 'off';
  /** Whether and how published images are signed, see `docs/supply-chain.md`. */
  signing: SigningSettings;
  ceilings: Ceilings;
  /** Bytes per second that copies to mirrors of this process take together; null = as fast as it goes. */
  mirrorRate: number | null;
  /** Only `serve` and `worker` have it. */
  app: AppEnvironment | null;
  /** Values that no output may show. */
  secrets: string[];
}

export interface AppEnvironment {
  appId: number;
  /** PEM. */
  privateKey: string;
  webhookSecret: string;
  /** Root of GitHub's REST API. */
  apiUrl: string;
  host: string;
  port: number;
}

type Variables = Record<string, string | undefined>;

const UNITS: Record<string, number> = {
  '': 1,
  B: 1,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
  KIB: 2 ** 10,
  MIB: 2 ** 20,
  GIB: 2 ** 30,
  TIB: 2 ** 40,
};

const text = z.string().trim().min(1);
const url = text.refine(
  (value) => /^https?:$/.test(URL.parse(value)?.protocol ?? ''),
  'must be an http or https address',
);
const count = text
  .regex(/^\d{1,9}$/, 'must be a whole number')
  .transform(Number)
  .pipe(z.number().min(1));
const bytes = text.regex(/^\d+(\.\d+)?\s*([KMGT]i?B|B)?$/i, 'must be a size such as 500GB').transform((value) => {
  const [, number = '0', unit = ''] = /^([\d.]+)\s*(\w*)$/.exec(value) ?? [];
  return Math.floor(Number(number) * (UNITS[unit.toUpperCase()] ?? 1));
});
const minutes = text.regex(/^\d+(\.\d+)?\s*(ms|s|m|min)?$/, 'must be a time such as 10m or 30s').transform((value) => {
  const [, number = '0', unit = 'm'] = /^([\d.]+)\s*([a-z]*)$/.exec(value) ?? [];
  return Number(number) * (unit === 'ms' ? 1 : unit === 's' ? 1000 : 60_000);
});
const list = text.transform((value) =>
  value
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== ''),
);

const common = z.object({
  HF_ENDPOINT: url.default('https://huggingface.co').transform((value) => value.replace(/\/+$/, '')),
  HF_TOKEN: text.startsWith('hf_', 'must start with `hf_`').optional(),
  DATA_DIR: text.default('.data'),
  DATABASE_URL: text.regex(/^postgres(ql)?:\/\//, 'must be a postgres:// address').optional(),
  DOCKER_CONFIG: text.optional(),
  REGISTRY_AUTH_DIR: text.optional(),
  SOURCE_ALLOW: list.optional(),
  PUBLISH_ALLOW: list.optional(),
  HUB_ALLOW: list.default([]),
  OWNER_ALLOW: list.optional(),
  SCAN: z.enum(['required', 'optional'], 'must be `required` or `optional`').default('required'),
  SMOKE: z.enum(['on', 'off'], 'must be `on` or `off`').default('off'),
  MAX_MODELS: count.default(2000),
  MAX_CHANGED_PER_PR: count.default(50),
  MAX_PLANNED_PER_PR: count.default(300),
  MAX_TARGETS_PER_MODEL: count.default(32),
  MAX_IMAGE_BYTES: bytes.default(500e9),
  MAX_BYTES_PER_OWNER_PER_DAY: bytes.default(5e12),
  MAX_BUILDS_PER_OWNER: count.default(2),
  STALL_TIMEOUT: minutes.default(600_000),
  MIRROR_RATE: bytes.refine((value) => value >= 1024, 'must be at least 1KiB (a second)').optional(),
  ...signingVariables,
});

const app = z.object({
  APP_ID: count,
  PRIVATE_KEY: text
    .transform((value) => value.replaceAll('\\n', '\n'))
    .refine((value) => /^-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(value), 'must be a PEM private key'),
  WEBHOOK_SECRET: text.min(8, 'must have at least 8 characters'),
  GITHUB_API_URL: url.default('https://api.github.com').transform((value) => value.replace(/\/+$/, '')),
  HOST: text.default('localhost'),
  PORT: text
    .regex(/^\d{1,5}$/, 'must be a port number')
    .transform(Number)
    .pipe(z.number().max(65_535))
    .default(3000),
});

/**
 * The settings of this process, all checked at once.
 *
 * @param as `bot` needs the GitHub App's settings, `command` does not
 * @throws PublisherError `environment` that lists every missing or malformed setting, never a value
 */
export function readEnvironment(variables: Variables, as: 'command' | 'bot'): Environment {
  // An empty variable is an unset one: that is how compose files and CI systems leave one out.
  const present = Object.fromEntries(
    Object.entries(variables).filter(([, value]) => value !== undefined && value.trim() !== ''),
  );
  const settings = common.safeParse(present);
  const github = as === 'bot' ? app.safeParse(present) : null;
  const issues = [...(settings.error?.issues ?? []), ...(github?.error?.issues ?? [])];
  const together = settings.success ? signingProblems(settings.data) : [];
  if (!settings.success || github?.success === false || together.length > 0) {
    const single = issues.map(({ path, message }) => {
      const name = String(path[0]);
      return present[name] === undefined ? `${name} is missing` : `${name} ${message}`;
    });
    const lines = [...single, ...together];
    throw new PublisherError(
      'environment',
      `Settings are missing or wrong (see README.md, "Settings"):\n  ${lines.join('\n  ')}`,
    );
  }
  const { data } = settings;
  return {
    hubEndpoint: data.HF_ENDPOINT,
    hubToken: data.HF_TOKEN ?? null,
    dataDir: data.DATA_DIR,
    databaseUrl: data.DATABASE_URL ?? null,
    dockerConfig: data.DOCKER_CONFIG ?? (present.HOME === undefined ? null : `${present.HOME}/.docker`),
    registryAuthDir: data.REGISTRY_AUTH_DIR ?? null,
    sourceAllow: data.SOURCE_ALLOW ?? null,
    publishAllow: data.PUBLISH_ALLOW ?? null,
    hubAllow: data.HUB_ALLOW,
    ownerAllow: data.OWNER_ALLOW ?? null,
    scan: data.SCAN,
    smoke: data.SMOKE,
    signing: signingSettings(data),
    ceilings: {
      maxModels: data.MAX_MODELS,
      maxChangedPerPr: data.MAX_CHANGED_PER_PR,
      maxPlannedPerPr: data.MAX_PLANNED_PER_PR,
      maxTargetsPerModel: data.MAX_TARGETS_PER_MODEL,
      maxImageBytes: data.MAX_IMAGE_BYTES,
      maxBytesPerOwnerPerDay: data.MAX_BYTES_PER_OWNER_PER_DAY,
      maxBuildsPerOwner: data.MAX_BUILDS_PER_OWNER,
      stallTimeoutMs: data.STALL_TIMEOUT,
    },
    mirrorRate: data.MIRROR_RATE ?? null,
    app: github === null ? null : appEnvironment(github.data),
    secrets: [
      'HF_TOKEN',
      'WEBHOOK_SECRET',
      'PRIVATE_KEY',
      'COSIGN_PASSWORD',
      'COSIGN_PRIVATE_KEY',
      'COSIGN_IDENTITY_TOKEN',
      'TRIVY_PASSWORD',
      'TRIVY_TOKEN',
      'DATABASE_URL',
    ]
      .flatMap((name) => present[name] ?? [])
      .flatMap((value) => (value.startsWith('postgres') ? (URL.parse(value)?.password ?? []) : value))
      .filter((value) => value !== ''),
  };
}

function appEnvironment(data: z.infer<typeof app>): AppEnvironment {
  return {
    appId: data.APP_ID,
    privateKey: data.PRIVATE_KEY,
    webhookSecret: data.WEBHOOK_SECRET,
    apiUrl: data.GITHUB_API_URL,
    host: data.HOST,
    port: data.PORT,
  };
}
