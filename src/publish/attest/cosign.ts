import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { asPublisherError, PublisherError } from '../../errors.ts';
import type { find, run } from '../../exec.ts';
import {
  attestArguments,
  type CertificateOwner,
  cosignEnvironment,
  publicKeyArguments,
  type SignedPlace,
  signArguments,
  signBlobArguments,
  verifyArguments,
  verifyAttestationArguments,
} from './cosign-arguments.ts';
import { envelopeSchema } from './dsse.ts';
import type { PredicateType } from './predicate-types.ts';
import type { SigningSettings } from './settings.ts';

export interface CosignParts {
  run: typeof run;
  find: typeof find;
  /** The operator's environment: PATH, proxies and, without a key, the surroundings' identity are read from it. */
  env: Readonly<Record<string, string | undefined>>;
  redact: (text: string) => string;
  signing: SigningSettings;
  /** Folder with the owner's registry logins; null for none. */
  dockerConfig: string | null;
}

/** Long enough for a slow registry and the log, short enough to be noticed. */
const TIMEOUT_MS = 5 * 60_000;

/**
 * cosign, run for one owner in an empty folder.
 *
 * @throws PublisherError `environment` when cosign is missing or fails, `cancelled`
 */
export class Cosign {
  readonly #parts: CosignParts;

  constructor(parts: CosignParts) {
    const { by } = parts.signing;
    // cosign runs elsewhere.
    const absolute =
      by?.kind === 'key' && by.key.kind === 'file'
        ? { ...by, key: { kind: 'file' as const, path: resolve(by.key.path) } }
        : by;
    this.#parts = { ...parts, signing: { ...parts.signing, by: absolute } };
  }

  /** PEM of the configured private key's public half. */
  async publicKey(signal?: AbortSignal): Promise<string> {
    const { by } = this.#parts.signing;
    if (by?.kind !== 'key') throw new PublisherError('internal', 'Only a private key has a public half.');
    return this.#cosign(publicKeyArguments(by.key), signal);
  }

  /** @returns base64 of a signature by the configured key */
  async signBytes(bytes: Uint8Array, signal?: AbortSignal): Promise<string> {
    const { signing } = this.#parts;
    return this.#withFile(bytes, async (file) =>
      (await this.#cosign(signBlobArguments({ ...signing, tlog: false }, file), signal)).trim(),
    );
  }

  async sign(place: SignedPlace, signal?: AbortSignal): Promise<void> {
    await this.#cosign(signArguments(place, this.#parts.signing), signal);
  }

  async attest(
    place: SignedPlace,
    { predicate, ...what }: { type: PredicateType; predicate: string; bundle: boolean; replace: boolean },
    signal?: AbortSignal,
  ): Promise<void> {
    await this.#withFile(new TextEncoder().encode(predicate), (file) =>
      this.#cosign(attestArguments(place, { ...what, predicate: file }, this.#parts.signing), signal),
    );
  }

  /** Whether cosign accepts the image's signature as this identity's. */
  verifies(place: SignedPlace, owner: CertificateOwner, signal?: AbortSignal): Promise<boolean> {
    return this.#accepts(verifyArguments(place, owner), signal);
  }

  /** Payloads, in base64, of the statements of one type that cosign accepts as this identity's; none where it accepts nothing. */
  async acceptedPayloads(
    place: SignedPlace,
    what: { type: PredicateType; bundle: boolean },
    owner: CertificateOwner,
    signal?: AbortSignal,
  ): Promise<string[]> {
    const args = verifyAttestationArguments(place, what, owner);
    const { exitCode, stdout } = await this.#run(args, { check: false, signal });
    if (exitCode !== 0) return [];
    return stdout.split('\n').flatMap((line) => {
      const parsed = envelopeSchema.safeParse(parseJson(line));
      return parsed.success ? [parsed.data.payload] : [];
    });
  }

  async #accepts(args: string[], signal?: AbortSignal): Promise<boolean> {
    return (await this.#run(args, { check: false, signal })).exitCode === 0;
  }

  async #cosign(args: string[], signal?: AbortSignal): Promise<string> {
    return (await this.#run(args, { check: true, signal })).stdout;
  }

  async #run(args: string[], { check, signal }: { check: boolean; signal?: AbortSignal | undefined }) {
    const { run, find, env, redact, signing, dockerConfig } = this.#parts;
    if ((await find('cosign', env.PATH ?? '')) === null) {
      throw new PublisherError('environment', 'Signing is configured, but cosign is not on PATH: install cosign 2.');
    }
    const folder = await mkdtemp(join(tmpdir(), 'publisher-cosign-'));
    try {
      const [cwd, anonymous] = [join(folder, 'cwd'), join(folder, 'docker')];
      await mkdir(cwd);
      await mkdir(anonymous);
      return await run('cosign', args, {
        env: {
          ...(env.PATH === undefined ? {} : { PATH: env.PATH }),
          ...cosignEnvironment(env, signing, dockerConfig === null ? anonymous : resolve(dockerConfig)),
        },
        cwd,
        timeoutMs: TIMEOUT_MS,
        check,
        redact,
        ...(signal === undefined ? {} : { signal }),
      });
    } catch (error) {
      const failure = asPublisherError(error);
      if (failure.code === 'cancelled') throw failure;
      throw new PublisherError('environment', failure.message, { cause: error, retryable: true });
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }

  async #withFile<T>(bytes: Uint8Array, use: (file: string) => Promise<T>): Promise<T> {
    const folder = await mkdtemp(join(tmpdir(), 'publisher-predicate-'));
    try {
      const file = join(folder, 'content');
      await writeFile(file, bytes);
      return await use(file);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }
}

function parseJson(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return null;
  }
}
