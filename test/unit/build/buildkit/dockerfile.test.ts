import { describe, expect, it } from 'vitest';
import {
  type DockerfileInput,
  dockerfileArguments,
  renderDockerfile,
} from '../../../../src/build/buildkit/dockerfile.ts';
import { CANNOT_SPLIT, layerSources } from '../../../../src/build/buildkit/layer-sources.ts';
import { readBuildKitSettings } from '../../../../src/build/buildkit/settings.ts';
import type { HubFile } from '../../../../src/huggingface/types.ts';
import { PACKAGE_ROOT } from '../../../../src/services.ts';

const { dockerfiles } = await readBuildKitSettings(PACKAGE_ROOT, 'https://huggingface.co');
const REVISION = 'a'.repeat(40);
const SHA = 'c'.repeat(64);

const weights = (path: string, sha256: string | null = SHA): HubFile => ({
  path,
  size: 9,
  sha256,
  oid: 'b'.repeat(40),
  security: 'safe',
});

function render(files: HubFile[], extra: Partial<DockerfileInput> = {}) {
  const input: DockerfileInput = {
    variant: 'fat',
    downloadRoot: '/models',
    short: 'tiny',
    layerLimit: 10e9,
    serveArgs: [],
    files,
    model: { id: 'acme/tiny', revision: REVISION },
    baseLayers: 5,
    ...extra,
  };
  const rendered = renderDockerfile(input, dockerfiles[input.variant]);
  if (!rendered.ok) throw new Error(rendered.message);
  return { ...rendered, lines: rendered.text.split('\n').filter((line) => line !== '' && !line.startsWith('#')) };
}

/** The lines that differ from image to image. */
const modelLines = (files: HubFile[], extra: Partial<DockerfileInput> = {}) =>
  render(files, extra).lines.filter((line) => /^ADD|MODEL_FOLDER\}|AS weights|\/files\//.test(line));

describe('the Dockerfile of a fat image', () => {
  it('fetches weights at the commit, by their sha256, and copies small files', () => {
    expect(modelLines([weights('config.json', null), weights('sub/model.safetensors')])).toEqual([
      `COPY --link ["small-files/","\${MODEL_FOLDER}/"]`,
      `ADD --link --checksum=sha256:${SHA} --chmod=644 ["\${HF_ENDPOINT}/acme/tiny/resolve/${REVISION}/sub/model.safetensors","\${MODEL_FOLDER}/sub/model.safetensors"]`,
    ]);
  });

  it.each(['with blank.bin', 'ünï/模型.bin', '-dash/--link.bin', '[a],(b)@~+=.bin'])('names %j as it is', (path) => {
    const { lines, sources } = render([weights(path)]);
    const add = lines.find((line) => line.startsWith('ADD'));
    const [from, to] = JSON.parse(add?.slice(add.indexOf('[')) ?? '');
    expect(to).toBe(`\${MODEL_FOLDER}/${path}`);
    expect(from).toMatch(/^\$\{HF_ENDPOINT\}\/acme\/tiny\/resolve\/a{40}\/[\w%./()~-]+$/);
    expect(decodeURIComponent(from)).toContain(path);
    expect(sources.flatMap(({ copied }) => copied)).toEqual([]);
  });

  it.each([
    "it's.bin",
    'costs $HOME.bin',
    `\${HF_ENDPOINT}.bin`,
    'quo"ted.bin',
    'back\\slash.bin',
    'ends.in\\.bin',
    'new\nRUN rm -rf /.bin',
    'tab\t.bin',
    '<<EOF.bin',
    'a*?.bin',
    '#{model}.bin',
    'lone\ud800.bin',
    '`tick`.bin',
  ])('never names %j, which comes through the context', (path) => {
    const { text, lines, sources } = render([weights(path)]);
    expect(sources.flatMap(({ copied }) => copied.map((file) => file.path))).toEqual([path]);
    expect(text).not.toContain(path);
    expect(lines.filter((line) => line.startsWith('ADD') || line.startsWith('RUN'))).toEqual([]);
    expect(lines).toContain(`COPY --link ["weights-1/","\${MODEL_FOLDER}/"]`);
  });

  it('does not let BuildKit clone what is called like a repository, nor fetch what the Hub has no sha256 of', () => {
    const { sources } = render([weights('model.bin/weights.git'), weights('model.gguf', null)]);
    expect(sources.flatMap(({ added }) => added)).toEqual([]);
  });

  it('writes no folder of the base anew: links only below a folder at the root', () => {
    const files = [weights('config.json', null), weights('model.bin')];
    const isLinked = (downloadRoot: string) =>
      modelLines(files, { downloadRoot }).map((line) => line.includes('--link'));
    expect(isLinked('/models')).toEqual([true, true]);
    expect(isLinked('/')).toEqual([true, true]);
    expect(isLinked('/root/models')).toEqual([false, false]);
  });

  it('gathers files that share a layer in a stage', () => {
    const files = [weights('a.bin'), weights("b's.bin"), weights('c.bin'), weights('d.bin')];
    const lines = modelLines(files, { baseLayers: 119 });
    expect(lines).toEqual([
      'FROM scratch AS weights-1',
      'COPY ["weights-1/","/files/"]',
      expect.stringMatching(/^ADD --link .*"\/files\/a\.bin"\]$/),
      'FROM scratch AS weights-2',
      expect.stringMatching(/^ADD --link .*"\/files\/c\.bin"\]$/),
      expect.stringMatching(/^ADD --link .*"\/files\/d\.bin"\]$/),
      `COPY --link ["small-files/","\${MODEL_FOLDER}/"]`,
      `COPY --link --from=weights-1 ["/files/","\${MODEL_FOLDER}/"]`,
      `COPY --link --from=weights-2 ["/files/","\${MODEL_FOLDER}/"]`,
    ]);
  });

  it('refuses shards: a Dockerfile cannot cut files', () => {
    const source = { kind: 'made' as const, content: new Uint8Array() };
    const entries = [{ entry: { path: 'models/tiny/x', size: 0, mode: 0o644 as const }, source }];
    expect(() => layerSources([{ kind: 'weights', entries, size: 0, key: '' }])).toThrow(CANNOT_SPLIT);
  });

  it('is no Dockerfile where the base leaves no room', () => {
    const common = {
      downloadRoot: '/models',
      short: 'tiny',
      layerLimit: 10e9,
      serveArgs: [],
      files: [weights('a.bin')],
    };
    const model = { id: 'acme/tiny', revision: REVISION };
    for (const variant of ['slim', 'fat'] as const) {
      const rendered = renderDockerfile({ ...common, variant, model, baseLayers: 122 }, dockerfiles[variant]);
      expect(rendered).toMatchObject({ ok: false, message: expect.stringContaining('122 layers') });
    }
  });
});

describe('every Dockerfile', () => {
  it.each(['slim', 'fat'] as const)(
    'ends %s with the arguments as they are, and nothing of the template is left',
    (variant) => {
      const serveArgs = ['--a $HOME', 'q"uo\'te', 'back\\', '# {model}', 'ünï'];
      const { text, lines } = render([weights('a.bin')], { variant, serveArgs });
      expect(JSON.parse(lines.at(-1)?.replace(/^CMD /, '') ?? '')).toEqual(serveArgs);
      expect(text).not.toMatch(/^# \{/m);
      expect(text).not.toMatch(/^#\s*(syntax|escape)\s*=/im);
    },
  );

  it('depends on its input alone', () => {
    expect(render([weights('a.bin')]).text).toBe(render([weights('a.bin')]).text);
    expect(render([weights('a.bin')]).text).not.toBe(render([weights('a.bin', 'd'.repeat(64))]).text);
  });

  it('needs these arguments', () => {
    const inputs = { downloadRoot: '/models', short: 'tiny', hfCacheDir: '/cache' };
    const endpoint = 'https://hub.example';
    expect(dockerfileArguments({ ...inputs, variant: 'slim' }, endpoint)).toEqual({
      DOWNLOAD_PARENT: '/',
      HF_CACHE_DIR: '/cache',
    });
    expect(dockerfileArguments({ ...inputs, variant: 'fat' }, endpoint)).toEqual({
      HF_ENDPOINT: endpoint,
      MODEL_FOLDER: '/models/tiny',
    });
  });

  it('of a package that was changed carelessly is refused', () => {
    const input = {
      variant: 'slim',
      downloadRoot: '/',
      short: 'x',
      layerLimit: 1,
      serveArgs: [],
      files: [],
      baseLayers: 1,
    } as const;
    const model = { id: 'a/b', revision: REVISION };
    expect(() => renderDockerfile({ ...input, files: [], serveArgs: [], model }, 'FROM scratch\n')).toThrow(
      '# {command}',
    );
  });
});
