import { z } from 'zod';
import { type ListedFile, parseFileList } from '../../image/file-list.ts';
import { LABEL_PREFIX } from '../../image/labels.ts';
import type { ImageConfig } from '../../registry/schema.ts';
import type { FoundFile } from './layer-files.ts';

/** What labels say of an image; each may be missing. */
export interface Labels {
  model: string | null;
  revision: string | null;
  variant: string | null;
  runtime: string | null;
  inputs: string | null;
  base: string | null;
}

export function labelsOf({ config }: ImageConfig): Labels {
  const label = (name: string) => config?.Labels?.[name] ?? null;
  return {
    model: label(`${LABEL_PREFIX}.model`),
    revision: label('org.opencontainers.image.revision'),
    variant: label(`${LABEL_PREFIX}.variant`),
    runtime: label(`${LABEL_PREFIX}.runtime`),
    inputs: label(`${LABEL_PREFIX}.inputs`),
    base: label('org.opencontainers.image.base.digest'),
  };
}

/** `/licenses/manifest.json`, as far as it is held against the image. */
const licensesSchema = z.object({
  schemaVersion: z.literal(2),
  model: z.string(),
  revision: z.string(),
  resharded: z
    .array(z.object({ path: z.string(), sha256: z.string().nullable(), parts: z.array(z.string()).min(1) }))
    .default([]),
  files: z.array(z.object({ path: z.string().startsWith('/licenses/'), sha256: z.string() })),
});
export type LicenseList = z.infer<typeof licensesSchema>;

export const LICENSES = 'licenses/manifest.json';
const LIST = 'etc/model-image/files.json';
const CONF = 'etc/model-image/image.conf';

/** null when it is missing or cannot be read. */
export function licensesIn(files: ReadonlyMap<string, FoundFile>): LicenseList | null {
  const content = files.get(LICENSES)?.content;
  try {
    return content ? licensesSchema.parse(JSON.parse(content.toString('utf8'))) : null;
  } catch {
    return null;
  }
}

/** What the image itself says it holds: `/etc/model-image`. */
export interface OwnAccount {
  model: string;
  revision: string;
  files: ListedFile[];
  variant: string;
  /** Folder of the model, relative to the root. */
  folder: string;
  short: string;
}

/** null when it is missing or cannot be read. */
export function accountIn(files: ReadonlyMap<string, FoundFile>): OwnAccount | null {
  const [list, conf] = [files.get(LIST)?.content, files.get(CONF)?.content];
  if (!list || !conf) return null;
  try {
    const { model, revision, files: listed } = parseFileList(list.toString('utf8'));
    const settings = new Map(
      conf
        .toString('utf8')
        .split('\n')
        .map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
    );
    const short = settings.get('short') ?? '';
    const folder = `${settings.get('root') ?? ''}/${short}`.replace(/^\/+/, '');
    if (short === '') return null;
    return { model, revision, files: listed, variant: settings.get('variant') ?? '', folder, short };
  } catch {
    return null;
  }
}
