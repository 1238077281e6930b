import { fileURLToPath } from 'node:url';
import { dockerConfigOf } from '../../registry/docker-config.ts';
import { parseReference } from '../../registry/reference.ts';
import { PACKAGE_ROOT, type Services } from '../../services.ts';
import type { BakeOptions } from './bake.ts';
import { baseImageOf } from './base-lock.ts';
import { readBuildSettings } from './build-settings.ts';
import { type Buildx, createBuildx } from './buildx.ts';
import type { RuntimeBuilder } from './types.ts';

type Variables = Record<string, string | undefined>;

/** What every build of this installation shares. @throws PublisherError `environment` for malformed settings */
export function bakeSettings({ recipe }: Services, variables: Variables): Omit<BakeOptions, 'output'> {
  return {
    ...readBuildSettings(variables),
    context: fileURLToPath(PACKAGE_ROOT).replace(/\/$/, ''),
    pins: recipe.pins,
  };
}

/** Builds with this machine's buildx and the registry logins of an account. */
export async function installedBuildx(
  services: Services,
  owner: string | null,
  variables: Variables,
  onNote?: (note: string) => void,
): Promise<Buildx> {
  const { environment, redact } = services;
  // The operator's own login is among the variables.
  const dockerConfig = await dockerConfigOf(owner, { ...environment, dockerConfig: null });
  return createBuildx({
    ...bakeSettings(services, variables),
    variables,
    dockerConfig,
    redact,
    ...(onNote === undefined ? {} : { onNote }),
  });
}

/** The same for the bot: bases only from where the account may read. */
export function botRuntimeBuilder(services: Services, variables: Variables): (owner: string) => RuntimeBuilder {
  return (owner) => {
    const onNote = (note: string) => services.logger.warn({ owner }, note);
    return {
      async build(request, signal) {
        const { build } = request.runtime;
        if (build !== null) services.source(parseReference(baseImageOf(build)), owner);
        const buildx = await installedBuildx(services, owner, variables, onNote);
        return buildx.build(request, signal);
      },
    };
  };
}
