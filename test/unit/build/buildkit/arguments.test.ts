import { describe, expect, it } from 'vitest';
import { type BuildRun, buildArguments } from '../../../../src/build/buildkit/arguments.ts';

const RUN: BuildRun = {
  dockerfile: '/folder/Dockerfile',
  context: '/folder/context',
  metadataFile: '/folder/metadata.json',
  layout: '/folder/layout',
  platform: { os: 'linux', architecture: 'arm64', variant: 'v8' },
  base: `ghcr.io/acme/base@sha256:${'1'.repeat(64)}`,
  buildArguments: { HF_ENDPOINT: 'https://huggingface.co', MODEL_FOLDER: '/models/tiny' },
  labels: { 'org.opencontainers.image.title': 'A "title", for $5 \\ all = fine', 'a.b': '--flag' },
  created: '2025-01-02T03:04:05Z',
};

describe('arguments of docker buildx build', () => {
  it('are these', () => {
    expect(buildArguments(RUN)).toEqual([
      'buildx',
      'build',
      '--quiet',
      '--provenance=false',
      '--sbom=false',
      '--platform=linux/arm64/v8',
      '--file=/folder/Dockerfile',
      '--metadata-file=/folder/metadata.json',
      '--output=type=oci,tar=false,dest=/folder/layout,oci-mediatypes=true,compression=uncompressed,rewrite-timestamp=true',
      `--build-arg=BASE=ghcr.io/acme/base@sha256:${'1'.repeat(64)}`,
      '--build-arg=SOURCE_DATE_EPOCH=1735787045',
      '--build-arg=HF_ENDPOINT=https://huggingface.co',
      '--build-arg=MODEL_FOLDER=/models/tiny',
      '--label=org.opencontainers.image.title=A "title", for $5 \\ all = fine',
      '--label=a.b=--flag',
      '--annotation=manifest:org.opencontainers.image.title=A "title", for $5 \\ all = fine',
      '--annotation=manifest:a.b=--flag',
      '/folder/context',
    ]);
  });

  it('quote what a line of CSV would split', () => {
    const output = buildArguments({ ...RUN, layout: '/tmp/a,b"c' }).find((each) => each.startsWith('--output='));
    expect(output).toContain(',"dest=/tmp/a,b""c",');
  });

  it('hold no value that docker could take for a flag of its own', () => {
    const [, , ...rest] = buildArguments(RUN);
    expect(rest.filter((each) => !each.startsWith('--'))).toEqual(['/folder/context']);
    expect(rest.filter((each) => each.startsWith('--') && !each.includes('='))).toEqual(['--quiet']);
  });
});
