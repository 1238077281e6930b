import { z } from 'zod';
import * as grammar from './grammar.ts';
import { parseTemplate } from './tag-template.ts';
import { SEVERITIES } from './types.ts';
import { parseBytes, SIZE_EXAMPLES, SIZE_PATTERN } from './units.ts';

/**
 * The format of `models.yaml`, as written: optional keys may be absent or null, both meaning the default. What concerns several
 * places at once (names that must exist, values that must differ) is in `cross-checks.ts`. `models.schema.json` comes from here.
 */

/** Text under a rule; `pattern` tells editors the same as far as a regular expression can. */
function text(rule: grammar.Rule, description: string, pattern?: string) {
  return z
    .string()
    .superRefine((value, context) => {
      const message = rule(value);
      if (message !== null) context.addIssue({ code: 'custom', message });
    })
    .meta(pattern === undefined ? { description } : { description, pattern });
}

const autoBoolean = (description: string) => z.literal(['auto', true, false]).nullish().meta({ description });
const flag = (description: string) => z.boolean().nullish().meta({ description });
const line = (description: string) => text(grammar.line, description);

const platforms = z
  .array(text(grammar.platform, 'Platform, os/arch[/variant].', grammar.PLATFORM_PATTERN))
  .min(1, 'must name at least one platform')
  .max(64, 'names more than 64 platforms')
  .nullish()
  .meta({ description: 'Platforms to build for.' });

const publish = z
  .record(text(grammar.name, 'Name of a registry.', grammar.KEBAB_PATTERN), z.boolean().nullable())
  .nullish()
  .meta({ description: 'Registry name → whether to publish there.' });

const size = (description: string) =>
  z
    .union([z.number(), z.string().meta({ pattern: SIZE_PATTERN })])
    .superRefine((value, context) => {
      if (parseBytes(value) === null) context.addIssue({ code: 'custom', message: `must be a size: ${SIZE_EXAMPLES}` });
    })
    .nullish()
    .meta({ description });

const template = text((value) => {
  const parsed = parseTemplate(value);
  return parsed.valid ? null : `is not a usable tag: ${parsed.message}`;
}, 'Tag template with fields in braces, e.g. r{revision}-{variant}.');

const tag = z.union([
  template,
  z.strictObject({ template, immutable: flag('Whether the tag may never move to another digest.') }),
]);

const ignore = z.strictObject({
  id: text(grammar.nonEmptyLine, 'Vulnerability, e.g. CVE-2026-0001.'),
  package: text(grammar.nonEmptyLine, 'Only in this package.').nullish(),
  until: text(grammar.date, 'Last day on which the ignore holds, YYYY-MM-DD.', grammar.DATE_PATTERN).nullish(),
  reason: text(grammar.prose, 'Why, for the report.').nullish(),
});

const scan = z
  .strictObject({
    fail_on: z
      .array(z.enum(SEVERITIES))
      .nullish()
      .meta({ description: 'Severities that stop an image. Default: [critical].' }),
    ignore_unfixed: flag('Leave out what has no fixed version yet. Default: true.'),
    base_findings: z
      .enum(['warn', 'fail'])
      .nullish()
      .meta({ description: 'Whether findings of the bare base image stop an image too. Default: warn.' }),
    ignore: z.array(ignore).nullish().meta({ description: 'Findings set aside, ideally with a date.' }),
  })
  .nullish()
  .meta({ description: 'The gate over vulnerabilities.' });

const limits = z
  .strictObject({
    fat_max_bytes: size('Weights of a fat image at most, e.g. 200GB.'),
    layer_max_bytes: size('One layer at most, e.g. 10GB.'),
  })
  .nullish()
  .meta({ description: 'Sizes beyond which nothing is embedded.' });

const safety = z
  .strictObject({
    unscanned: z.enum(['warn', 'deny']).nullish().meta({
      description: "Files that the Hub's scanners have not cleared: warn, or deny fat images. Default: warn.",
    }),
  })
  .nullish()
  .meta({ description: "What to make of the Hub's safety signals." });

const baseVersion = text(
  grammar.baseVersionText,
  'Value of {base_version} in tags, for a base image without a tag.',
).nullish();

const defaults = z.strictObject({
  base_image: text(grammar.imageReference, 'Base image of the runtime called default, with vLLM inside.').nullish(),
  arch: text(grammar.platforms, 'Platform, or several separated by commas: shorthand for `platforms`.').nullish(),
  platforms,
  base_version: baseVersion,
  download_root: text(grammar.folder, 'Folder that holds the models in a container. Default: /models.').nullish(),
  hf_cache_dir: text(grammar.folder, 'HF_HOME of slim images. Default: /root/.cache/huggingface.').nullish(),
  spdx_permissive_whitelist: z
    .array(text(grammar.nonEmptyLine, 'SPDX licence identifier, any case.'))
    .nullish()
    .meta({ description: 'Licences under which weights may be redistributed in fat images.' }),
  publish,
  registries: z
    .record(
      text(grammar.name, 'Name of a registry.', grammar.KEBAB_PATTERN),
      text(grammar.registryPrefix, 'Host and namespace, with {owner} and {namespace_suffix}.').nullable(),
    )
    .nullish()
    .meta({ description: 'Registry name → where its images go, beside ghcr and dockerhub.' }),
  mirrors: z
    .array(text(grammar.name, 'Name of a registry.', grammar.KEBAB_PATTERN))
    .nullish()
    .meta({ description: 'Registries to copy published images to afterwards.' }),
  tags: z.array(tag).nullish().meta({ description: 'Tags of published images.' }),
  inputs_tag: flag('Whether to write the immutable tag i{inputs}-{variant} as well. Default: true.'),
  scan,
  limits,
  safety,
  project: text(
    grammar.short,
    'Repository of runtime images in each registry. Default: model-runner.',
    grammar.KEBAB_PATTERN,
  ).nullish(),
  experimental: flag('Build experimental runtimes as well. Default: false.'),
  schedule: text(
    grammar.nonEmptyLine,
    'When to look at published images again: a cron expression of five fields, in UTC, or off. Default: nightly at 03:00.',
  ).nullish(),
});

const build = z.strictObject({
  target: text(grammar.nonEmptyLine, 'Target of the runtimes Dockerfile, e.g. final-llamacpp.'),
  args: z
    .record(text(grammar.argumentName, 'Name of a build argument.'), line('Value of a build argument.'))
    .nullish()
    .meta({ description: 'Build arguments.' }),
});

const runtime = z.strictObject({
  engine: z.enum(['vllm', 'sglang', 'llamacpp']).meta({ description: 'What serves the model.' }),
  image: text(grammar.imageReference, 'Base image; either this or `build`.').nullish(),
  build: build.nullish().meta({ description: 'Build the base from the runtimes Dockerfile; either this or `image`.' }),
  platforms,
  base_version: baseVersion,
  experimental: flag('Build only when asked for. Default: false.'),
  builder: z
    .enum(['assemble', 'buildkit'])
    .nullish()
    .meta({ description: 'What makes the model images. Default: assemble.' }),
  smoke: z
    .array(line('Argument.'))
    .nullish()
    .meta({ description: 'Arguments to run in a finished image to see that it works.' }),
});

const model = z.strictObject({
  id: text(grammar.hubId, 'Repository on the Hugging Face Hub, org/name.'),
  short: text(grammar.short, 'Short name in kebab-case; the image is called hf-<short>.', grammar.KEBAB_PATTERN),
  revision: text(grammar.revision, 'Commit, branch or tag; null is the latest.').nullish(),
  permissive: autoBoolean('Whether the licence permits redistribution; auto asks the Hub. Default: auto.'),
  override_spdx: text(grammar.nonEmptyLine, 'SPDX expression to use instead of what the Hub says.').nullish(),
  gated: autoBoolean('Whether the owner wants an agreement first; auto asks the Hub. Default: auto.'),
  serve_args: z.array(line('Argument.')).nullish().meta({ description: 'Default arguments of the engine.' }),
  oci: z
    .strictObject({
      title: line('Title of the image.').nullish(),
      description: text(grammar.prose, 'What the image is.').nullish(),
      url: text(grammar.webAddress, 'Where to read more.').nullish(),
    })
    .nullish()
    .meta({ description: 'Labels of the image.' }),
  publish,
  files: z
    .strictObject({
      quant: text(grammar.quantisation, 'Quantisation of a GGUF model, e.g. Q4_K_M.').nullish(),
      include: z.array(text(grammar.glob, 'Pattern over paths.')).nullish(),
      exclude: z.array(text(grammar.glob, 'Pattern over paths.')).nullish(),
    })
    .nullish()
    .meta({ description: 'Files to take or leave, beside what the engine needs.' }),
  runtimes: z
    .array(text(grammar.name, 'Name of a runtime.', grammar.KEBAB_PATTERN))
    .min(1, 'must name at least one runtime')
    .nullish()
    .meta({ description: 'Runtimes to build on, the first being the main one. Default: the one of base_image.' }),
  aliases: z
    .array(text(grammar.short, 'Further name of the image.', grammar.KEBAB_PATTERN))
    .nullish()
    .meta({ description: 'Further names under which the image is published.' }),
});

export const catalogSchema = z.strictObject({
  defaults: defaults.nullish().meta({ description: 'What holds for every model.' }),
  runtimes: z
    .record(text(grammar.name, 'Name of a runtime.', grammar.KEBAB_PATTERN), runtime)
    .nullish()
    .meta({ description: 'Images with an inference engine to build on, by name.' }),
  models: z.array(model).meta({ description: 'The models to publish.' }),
});

export type RawCatalog = z.infer<typeof catalogSchema>;
export type RawDefaults = z.infer<typeof defaults>;
export type RawRuntime = z.infer<typeof runtime>;
export type RawModel = z.infer<typeof model>;
