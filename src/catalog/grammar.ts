import { messageOf } from '../errors.ts';
import { isRepository, isTag, normaliseRegistry, parseReference } from '../registry/reference.ts';

/**
 * What single values of the catalog must look like. Each function answers null when the value is good, else why it is not, as
 * the continuation of "this value …".
 */
export type Rule = (value: string) => string | null;

export const KEBAB_PATTERN = '^[a-z0-9]+(-[a-z0-9]+)*$';
const KEBAB = new RegExp(KEBAB_PATTERN);
const LONGEST_SHORT = 100;
const LONGEST_NAME = 40;

/** C0 and C1 controls, and lone surrogates, which no UTF-8 text can hold. */
const CONTROL = /[\p{Cc}\p{Cs}]/u;
const CONTROL_IN_PROSE = /[^\P{Cc}\n\t]|\p{Cs}/u;

export const line: Rule = (value) => (CONTROL.test(value) ? 'must be a single line without control characters' : null);

export const prose: Rule = (value) => (CONTROL_IN_PROSE.test(value) ? 'must not contain control characters' : null);

export const nonEmptyLine: Rule = (value) => (value.trim() === '' ? 'must not be empty' : line(value));

/** Hub repository: `owner/name`, or a legacy single name (`gpt2`), as the Hub's `validate_repo_id` has it. */
export const hubId: Rule = (value) => {
  const url = /^(?:https?:\/\/)?(?:www\.)?(?:huggingface\.co|hf\.co)\/([^/?#]+\/[^/?#]+)/.exec(value);
  if (url !== null) return `must be the repository's name, not its address: ${url[1]}`;
  const parts = value.split('/');
  const fits = (part: string) =>
    /^[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,94}[A-Za-z0-9_])?$/.test(part) && !/--|\.\./.test(part);
  if (parts.length <= 2 && parts.every(fits) && !value.endsWith('.git')) return null;
  return /^[^@:]+[@:]/.test(value)
    ? 'must be a Hub repository such as org/name; a commit or branch goes under `revision`'
    : 'must be a Hub repository such as org/name (letters, digits, "-", "_" and ".", up to 96 characters each)';
};

export const short: Rule = (value) => {
  if (value.length > LONGEST_SHORT) return `has ${value.length} characters; ${LONGEST_SHORT} are allowed`;
  if (KEBAB.test(value)) return null;
  const example = kebab(value);
  const hint = example === '' ? '' : `, e.g. ${example}`;
  return `must be kebab-case (lower-case letters and digits, joined by single dashes)${hint}`;
};

/** Names of runtimes and registries: they become part of tags and messages. */
export const name: Rule = (value) => {
  if (value.length > LONGEST_NAME) return `is a name of ${value.length} characters; ${LONGEST_NAME} are allowed`;
  return KEBAB.test(value) ? null : `is not a kebab-case name${kebab(value) === '' ? '' : `, e.g. ${kebab(value)}`}`;
};

/** Git revision: a commit, or what git-check-ref-format(1) allows for a branch or tag. */
export const revision: Rule = (value) => {
  const isRef =
    value.length <= 255 &&
    !/[\p{Cc}\p{Cs}\s~^:?*[\]\\]|\.\.|@\{|\/\/|\/\.|\.lock(?:\/|$)/u.test(value) &&
    !/^[-./]|[/.]$|^@?$/.test(value);
  return isRef ? null : 'must be a commit, branch or tag of the Hub repository, e.g. main or a commit of 40 hex digits';
};

/** Folders that belong to the image's system or to the files the publisher adds. */
const RESERVED = ['/bin', '/dev', '/etc', '/lib', '/licenses', '/proc', '/sbin', '/sys', '/usr'];

export const folder: Rule = (value) => {
  if (!/^(?:\/[A-Za-z0-9_@+.-]+)+$/.test(value) || /\/\.{1,2}(?:\/|$)/.test(value) || value.length > 255) {
    return 'must be an absolute folder such as /models: no "..", no doubled or trailing "/", letters, digits and "._@+-"';
  }
  const taken = RESERVED.find((reserved) => value === reserved || value.startsWith(`${reserved}/`));
  return taken === undefined ? null : `must not be in ${taken}, which belongs to the image itself`;
};

export const PLATFORM_PATTERN = '^[a-z0-9]+/[a-z0-9_]+(/[a-z0-9.]+)?$';

export const platform: Rule = (value) =>
  new RegExp(PLATFORM_PATTERN).test(value) && value.length <= 64
    ? null
    : 'must be a platform such as linux/amd64 or linux/arm64/v8';

/** `arch` may list several, as `docker buildx --platform` does. */
export const platforms: Rule = (value) =>
  splitPlatforms(value)
    .map(platform)
    .find((message) => message !== null) ?? null;

export function splitPlatforms(value: string): string[] {
  return value.split(',').map((part) => part.trim());
}

export const imageReference: Rule = (value) => {
  if (/^[a-z]+:\/\//i.test(value))
    return 'must be an image reference without "https://", e.g. vllm/vllm-openai:v0.12.0';
  try {
    parseReference(value);
    return null;
  } catch (thrown) {
    return `must be an image reference such as vllm/vllm-openai:v0.12.0 (${messageOf(thrown)})`;
  }
};

/** A registry's host and namespace; `{owner}` and `{namespace_suffix}` may stand in the namespace. */
export const registryPrefix: Rule = (value) => {
  if (/^[a-z]+:\/\//i.test(value)) return 'must be a host and a namespace without "https://", e.g. ghcr.io/{owner}';
  const unknown = /\{(?!(?:owner|namespace_suffix)\})[^}]*\}?/.exec(value);
  if (unknown !== null) return 'may hold {owner} and {namespace_suffix} only';
  const [host = '', ...path] = value.split('/');
  const isHost = normaliseRegistry(host) !== null && /[.:]|^localhost$/i.test(host);
  const filled = path.join('/').replace(/\{(?:owner|namespace_suffix)\}/g, 'x');
  // An empty suffix must leave a name behind, so a component of nothing but the suffix is refused.
  const isPath = path.length === 0 || (isRepository(filled.toLowerCase()) && !path.includes('{namespace_suffix}'));
  if (isHost && isPath && value.length <= 200) return null;
  return 'must be a registry host and a namespace, e.g. ghcr.io/{owner} or registry.example.com:5000/models';
};

export const baseVersionText: Rule = (value) =>
  isTag(value.replaceAll('+', '_')) ? null : 'must be usable in a tag: letters, digits, "_", ".", "+" and "-"';

export const webAddress: Rule = (value) => {
  const url = line(value) === null && !value.includes(' ') ? URL.parse(value) : null;
  return url !== null && /^https?:$/.test(url.protocol)
    ? null
    : 'must be a web address such as https://example.com/model';
};

/** Pattern over paths inside the model repository. */
export const glob: Rule = (value) => {
  if (nonEmptyLine(value) !== null || value.length > 500) return 'must be a pattern such as *.safetensors';
  const climbs = value.startsWith('/') || value.includes('\\') || value.split('/').includes('..');
  return climbs ? 'must be relative to the model repository, with "/" between folders and no ".."' : null;
};

/** A word of GGUF file names. */
export const quantisation: Rule = (value) =>
  /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/.test(value) ? null : 'must be a quantisation as in file names, e.g. Q4_K_M';

export const DATE_PATTERN = '^[0-9]{4}-[0-9]{2}-[0-9]{2}$';

export const date: Rule = (value) => {
  const time = new RegExp(DATE_PATTERN).test(value) ? Date.parse(`${value}T00:00:00Z`) : Number.NaN;
  const exists = !Number.isNaN(time) && new Date(time).toISOString().startsWith(value);
  return exists ? null : 'must be a date of the form YYYY-MM-DD';
};

export const argumentName: Rule = (value) =>
  /^[A-Za-z_][A-Za-z0-9_]{0,127}$/.test(value) ? null : 'is not the name of a build argument, e.g. VLLM_VERSION';

function kebab(value: string): string {
  return value
    .slice(0, LONGEST_SHORT)
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-|-$/g, '');
}
