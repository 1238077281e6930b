import { parsePlatform, platformMatches } from '../../image/platform.ts';

/** What buildx says of the builder in use. */
export interface BuilderFacts {
  name: string;
  /** `docker`, `docker-container`, `remote`, `kubernetes`, `cloud`. */
  driver: string;
  /** Over all nodes; empty where no node has said. */
  platforms: string[];
}

/** What `docker buildx inspect` prints; there is no JSON of it. */
export function parseInspect(text: string): BuilderFacts {
  const field = (name: string) =>
    [...text.matchAll(new RegExp(`^ *${name}: *(.*)$`, 'gm'))].map(([, value = '']) => value.trim());
  const platforms = field('Platforms').flatMap((list) => list.split(','));
  return {
    name: field('Name')[0] ?? '',
    driver: field('Driver')[0] ?? '',
    // Those that somebody set by hand carry a star.
    platforms: [...new Set(platforms.map((platform) => platform.trim().replace(/\*$/, '')))].filter(
      (platform) => platform !== '',
    ),
  };
}

/**
 * Why this builder cannot do what is wanted, with what to do; null when it can.
 *
 * @param snapshotter whether the engine keeps images in containerd; matters to the `docker` driver only
 */
export function builderProblem(
  { name, driver, platforms }: BuilderFacts,
  snapshotter: boolean,
  wanted: { platforms: readonly string[]; stored: boolean },
): string | null {
  const several = wanted.platforms.length > 1;
  if (driver === 'docker' && !snapshotter && (wanted.stored || several)) {
    return (
      `Builder \`${name}\` is the Docker engine with its old image store, which holds neither attestations nor images for several ` +
      'platforms: switch its containerd image store on, or run `docker buildx create --name runtimes --driver docker-container` and set BUILDX_BUILDER=runtimes.'
    );
  }
  const missing = wanted.platforms.filter((platform) => !offers(platforms, platform));
  if (platforms.length === 0 || missing.length === 0) return null;
  return (
    `Builder \`${name}\` does not build for ${missing.join(', ')} (it does for ${platforms.join(', ')}): add a node that does ` +
    '(`docker buildx create --append`), or install QEMU user emulation on its machine.'
  );
}

function offers(platforms: readonly string[], wanted: string): boolean {
  return platforms.some((offered) => platformMatches(parsePlatform(wanted), parsePlatform(offered)));
}
