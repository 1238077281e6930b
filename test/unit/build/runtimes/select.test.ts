import { describe, expect, test } from 'vitest';
import { buildAll } from '../../../../src/build/runtimes/build-all.ts';
import { runtimeDestinations } from '../../../../src/build/runtimes/destinations.ts';
import { selectRuntimes, withArguments } from '../../../../src/build/runtimes/select.ts';
import { PublisherError } from '../../../../src/errors.ts';
import { parsePublishAllow } from '../../../../src/registry/patterns.ts';
import { builtRuntime, runtimeRequest } from '../../../support/runtimes/request.ts';
import { validCatalog } from '../../catalog/support.ts';

const { runtimes, settings } = validCatalog('models: []');
const names = (selected: { name: string }[]) => selected.map(({ name }) => name);

describe('which runtimes are built', () => {
  test('all that are built here, experimental ones only when asked for', () => {
    const usual = ['llamacpp-cpu', 'cuda', 'vllm-cuda', 'sglang-cuda', 'rocm'];
    expect(names(selectRuntimes(runtimes, [], false))).toEqual(usual);
    expect(names(selectRuntimes(runtimes, [], true))).toEqual([...usual, 'musa', 'cann']);
  });

  test('a named one, once; an experimental one only with --experimental', () => {
    expect(names(selectRuntimes(runtimes, ['rocm', 'rocm'], false))).toEqual(['rocm']);
    expect(names(selectRuntimes(runtimes, ['cann'], true))).toEqual(['cann']);
    expect(() => selectRuntimes(runtimes, ['cann'], false)).toThrow(/--experimental/);
  });

  test('neither an unknown one nor one on an image of somebody else', () => {
    expect(() => selectRuntimes(runtimes, ['cudda'], false)).toThrow(/no runtime `cudda`.*cuda/);
    expect(() => selectRuntimes(runtimes, ['default'], false)).toThrow(/image of somebody else/);
  });
});

describe('--set', () => {
  const selected = selectRuntimes(runtimes, ['cuda', 'vllm-cuda'], false);

  test('reaches the runtimes that declare the argument, and no others', () => {
    const [cuda, vllm] = withArguments(selected, ['LLAMA_SERVER_VERSION=b6000']);
    expect(cuda?.build.args.LLAMA_SERVER_VERSION).toBe('b6000');
    expect(vllm?.build.args).not.toHaveProperty('LLAMA_SERVER_VERSION');
    expect(selected[0]?.build.args.LLAMA_SERVER_VERSION).toBe('latest');
  });

  test.each(['SGLANG_VERSION=1', 'toString=1', '__proto__=1'])('refuses %s, which none declares', (setting) => {
    expect(() => withArguments(selected, [setting])).toThrow(/declares/);
  });

  test.each(['VLLM_VERSION', 'VLLM_VERSION=', 'VLLM_VERSION=-x', 'VLLM_VERSION=a b', 'VLLM_VERSION=$(id)', '=1'])(
    'refuses %j',
    (setting) => expect(() => withArguments(selected, [setting])).toThrow(/is not ARG=VALUE/),
  );

  test('takes values of 64 characters and no more', () => {
    expect(() => withArguments(selected, [`VLLM_VERSION=${'1'.repeat(64)}`])).not.toThrow();
    expect(() => withArguments(selected, [`VLLM_VERSION=${'1'.repeat(65)}`])).toThrow();
  });
});

describe('where runtime images go', () => {
  const allow = (text: string) => parsePublishAllow(text).patterns;
  const context = { owner: 'Acme', namespaceSuffix: '', publishAllow: null };

  test('the project in every registry the catalog publishes to by default, in lower case', () => {
    expect(runtimeDestinations(settings, context).repositories).toEqual([
      'ghcr.io/acme/model-runner',
      'docker.io/acme/model-runner',
    ]);
  });

  test('a built-in registry that the operator does not allow is left out with a note; one of the catalog is refused', () => {
    const publishAllow = allow('ghcr.io/acme/model-runner');
    const { repositories, notes } = runtimeDestinations(settings, { ...context, publishAllow });
    expect([repositories, notes]).toEqual([['ghcr.io/acme/model-runner'], [expect.stringContaining('PUBLISH_ALLOW')]]);
    const own = { ...settings, registries: { mine: 'quay.io/{owner}' }, publish: ['mine'] };
    expect(() => runtimeDestinations(own, { ...context, publishAllow })).toThrow(
      expect.objectContaining({ code: 'refused' }),
    );
  });

  test('nowhere is an answer of its own, and an owner nobody named is asked for', () => {
    expect(() => runtimeDestinations({ ...settings, publish: [] }, context)).toThrow(
      expect.objectContaining({ code: 'denied' }),
    );
    expect(() => runtimeDestinations(settings, { ...context, owner: null })).toThrow(
      expect.objectContaining({ code: 'environment' }),
    );
  });
});

describe('several runtimes', () => {
  test('are built two at once; one that fails stops no other', async () => {
    const requests = ['a', 'b', 'c', 'd'].map((name) => runtimeRequest(name, { runtime: builtRuntime(name) }));
    let running = 0;
    let most = 0;
    const outcomes = await buildAll(
      requests,
      async ({ runtime }) => {
        running += 1;
        most = Math.max(most, running);
        await new Promise(setImmediate);
        running -= 1;
        if (runtime.name === 'b') throw new PublisherError('image-invalid', 'no');
        return runtime.name;
      },
      new AbortController().signal,
    );
    expect(most).toBe(2);
    expect(outcomes.map((outcome) => ('built' in outcome ? outcome.built : outcome.error.code))).toEqual([
      'a',
      'image-invalid',
      'c',
      'd',
    ]);
  });

  test('begin no further build once nobody waits', async () => {
    const stop = new AbortController();
    stop.abort(new PublisherError('cancelled', 'Stopped.'));
    const outcomes = await buildAll([runtimeRequest('a')], async () => 'built', stop.signal);
    expect(outcomes).toMatchObject([{ error: { code: 'cancelled' } }]);
  });
});
