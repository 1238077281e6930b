import { z } from 'zod';
import type { RuntimeBuild } from '../../catalog/types.ts';
import { messageOf, PublisherError } from '../../errors.ts';
import type { Digest } from '../../registry/types.ts';
import { digestSchema } from '../schema.ts';

/** Base image as written → digest it is pinned to. */
export type BasePins = Readonly<Record<string, Digest>>;

/** What `BASE_IMAGE` is in `docker/runtimes/Dockerfile` when nobody says otherwise. */
export const DEFAULT_BASE_IMAGE = 'ubuntu:24.04';

const lockSchema = z.strictObject({ bases: z.record(z.string(), digestSchema) });

/** `bases.lock.json`. @throws PublisherError `environment` */
export function parseBaseLock(text: string): BasePins {
  try {
    return lockSchema.parse(JSON.parse(text)).bases;
  } catch (error) {
    throw new PublisherError('environment', `bases.lock.json cannot be used: ${messageOf(error)}`, { cause: error });
  }
}

/** The text of `bases.lock.json`: names in order, so that equal pins are equal files. */
export function writeBaseLock(pins: BasePins): string {
  const names = Object.keys(pins).sort();
  return `${JSON.stringify({ bases: Object.fromEntries(names.map((name) => [name, pins[name]])) }, null, 2)}\n`;
}

/** The base image of a runtime, as written. */
export function baseImageOf({ args }: RuntimeBuild): string {
  return args.BASE_IMAGE ?? DEFAULT_BASE_IMAGE;
}

/** Digest that its base is pinned to in the lock; null where it is not. */
export function baseDigestOf(build: RuntimeBuild, pins: BasePins): Digest | null {
  return pins[baseImageOf(build)] ?? null;
}

/** `BASE_IMAGE` for the builder: pinned where a digest is known, and never with two. */
export function pinnedBase(build: RuntimeBuild, pins: BasePins): string {
  const base = baseImageOf(build);
  const digest = baseDigestOf(build, pins);
  return digest === null || base.includes('@') ? base : `${base}@${digest}`;
}

/** Bases of these runtimes that no digest holds, each once. */
export function unpinnedBases(builds: readonly RuntimeBuild[], pins: BasePins): string[] {
  const loose = builds.filter((build) => baseDigestOf(build, pins) === null).map(baseImageOf);
  return [...new Set(loose)].filter((base) => !base.includes('@')).sort();
}
