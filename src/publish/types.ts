import type { BuiltImage } from '../build/types.ts';
import type { PlannedTarget } from '../plan/types.ts';
import type { Digest, PublishTarget } from '../registry/types.ts';
import type { ScanResult } from '../scan/types.ts';
import type { Attestation } from '../store/publications.ts';
import type { Attester } from './attest/types.ts';
import type { RenderedTag } from './tags.ts';

/** One repository an image is published to, with the tags it gets there. */
export interface Place {
  /** `host/repository`, normalised. */
  repository: string;
  /** The repository whose content this one repeats under another name; null when it is the model's own. */
  aliasOf: string | null;
  tags: RenderedTag[];
}

/** What a publication will do to one tag. */
export type TagStep =
  | { repository: string; tag: string; immutable: boolean; action: 'keep' | 'create' | 'move'; before: Digest | null }
  /** Not ours to move: an immutable tag at another digest, or a digest that we did not write. */
  | { repository: string; tag: string; immutable: boolean; action: 'conflict'; before: Digest; why: string };

/** A tag that was pointed at another manifest; `before` is null for a new one, `after` for one that was removed. */
export interface TagMove {
  repository: string;
  tag: string;
  before: Digest | null;
  after: Digest | null;
}

/** What `publish --json` says of one image. */
export interface PublishedImage extends BuiltImage {
  /** Tag names, in every repository. */
  tags: string[];
  /** Those that changed now; none when everything was as it should be. */
  moves: TagMove[];
  attestations: Attestation[];
  signed: boolean;
  scan: ScanResult | null;
}

/**
 * Asked immediately before each tag moves, and once more afterwards: whether this is still ours to do.
 *
 * @throws PublisherError `cancelled` when the lease is lost or something newer is wanted
 */
export type PublishGuard = (repository: string) => Promise<void>;

/** One built image on its way to its tags. */
export interface WantedPublication {
  /** With `action: build` and a request. */
  target: PlannedTarget;
  /** The model's own repositories first, then aliases. */
  places: Place[];
  /** Pushed by digest to each of the model's own repositories. */
  image: BuiltImage;
  /** What stands for the image, see `scan/`; null when nobody scanned. */
  scan: ScanResult | null;
  /** Where the catalog came from, for the provenance. */
  source: CatalogSource;
}

/** The catalog as attestations name it. */
export interface CatalogSource {
  /** `https://github.com/owner/repo`; null where nobody knows. */
  repository: string | null;
  /** 40 hex; null from a folder that is no git repository. */
  commit: string | null;
  /** Path of the catalog in it. */
  path: string;
}

/** `copyImage` of `registry/`: what a digest names, with all that it needs, from one repository to another. */
export type CopyImage = (
  from: PublishTarget,
  to: PublishTarget,
  digest: Digest,
  options: { signal: AbortSignal; everything: boolean },
) => Promise<unknown>;

export interface PublishContext {
  /** A repository, `host/repository`, with the logins of the account. @throws PublisherError `refused` */
  open(repository: string): PublishTarget;
  /** Fills repositories that lack the image: aliases, above all. */
  copy: CopyImage;
  attester: Attester;
  guard: PublishGuard;
  /** The digest that we pointed a tag at last; null when we never did. */
  wrote(repository: string, tag: string): Promise<Digest | null>;
  /** Whether the digest that a tag is at was written from here; null where nobody remembers anything of the tag. */
  recalls(repository: string, tag: string, digest: Digest): Promise<boolean | null>;
  /** Called, and waited for, after every tag that moved. */
  moved(move: TagMove): Promise<void>;
  /** Also where a tag is at a digest that we did not write; never for immutable tags. */
  force: boolean;
  signal: AbortSignal;
}
