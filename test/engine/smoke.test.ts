import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { smokeImage } from '../../src/build/smoke/run.ts';
import { find, run } from '../../src/exec.ts';
import { docker, engineMissing, pushBase } from '../support/engine/engine.ts';
import { Shop } from '../support/engine/shop.ts';
import { headOf } from '../support/hub/model.ts';
import { tinyModel } from '../support/hub/tiny.ts';
import { findProgram } from '../support/registry/index.ts';

const missing = engineMissing() ?? (findProgram('docker-registry') === null ? 'no docker-registry' : null);
const PASSED = { status: 'passed', reason: null };
/** Prints what a container can reach and do; fails when any of it is more than nothing. */
const PRY = [
  'ls /sys/class/net | grep -qv "^lo$" && { echo "has a network"; exit 1; }',
  'touch /here 2>/dev/null && { echo "can write to its root"; exit 1; }',
  'touch /tmp/here || { echo "has no scratch space"; exit 1; }',
  'grep -q "^CapEff:.0*$" /proc/self/status || { echo "has capabilities"; exit 1; }',
  'grep -q "^NoNewPrivs:.1$" /proc/self/status || { echo "may gain privileges"; exit 1; }',
  'env | grep -Eqi "(token|proxy)=." && { echo "knows a secret"; exit 1; }',
  'exit 0',
].join('; ');

describe.skipIf(missing !== null)(
  `smoke runs on a real engine${missing === null ? '' : ` (skipped: ${missing})`}`,
  () => {
    const model = tinyModel({ id: 'acme/tiny' });
    let shop: Shop;

    beforeAll(async () => {
      shop = await Shop.open({
        models: [model],
        catalog: (registry) => ({
          runtimes: {
            good: { engine: 'vllm', image: `${registry}/good:v1`, smoke: ['--version'] },
            pry: { engine: 'vllm', image: `${registry}/good:v1`, smoke: ['sh', '-c', PRY] },
            bare: { engine: 'vllm', image: `${registry}/bare:v1` },
            fails: {
              engine: 'vllm',
              image: `${registry}/good:v1`,
              smoke: ['sh', '-c', 'echo the driver is missing; exit 3'],
            },
          },
          models: [
            { id: 'acme/tiny', short: 'tiny', runtimes: ['good', 'pry'] },
            { id: 'acme/tiny', short: 'broken', runtimes: ['bare', 'fails'] },
          ],
        }),
      });
      await pushBase(`${shop.registry.host}/good:v1`);
      await pushBase(`${shop.registry.host}/bare:v1`, { engine: null });
    });
    afterAll(() => shop?.close());

    test('images pass, shut off from everything, and are gone from the engine afterwards', async () => {
      const { images } = await shop.build('tiny', ['--smoke']);
      expect(images.map(({ smoke }) => smoke)).toEqual([PASSED, PASSED, PASSED, PASSED]);
      for (const { reference } of images) expect((await docker(['image', 'inspect', reference])).code).not.toBe(0);
      const { stdout } = await docker(['ps', '--all', '--filter', 'name=model-image-smoke-', '--format', '{{.Names}}']);
      expect(stdout).toBe('');
    });

    test('an image without its engine, or whose command fails, fails with its last lines; without --smoke nobody asks', async () => {
      const { images, errors } = await shop.build('broken', ['--variant', 'slim', '--smoke'], 1);
      expect(images.map(({ smoke }) => smoke?.status)).toEqual(['failed', 'failed']);
      expect(errors.map(({ message }) => message).join('\n')).toContain(
        'It ended with exit code 127: model-image: error: engine vllm not found in this image',
      );
      expect(images[1]?.smoke?.reason).toContain('the driver is missing');
      const quiet = await shop.build('broken', ['--variant', 'slim']);
      expect(quiet.images.map((image) => 'smoke' in image)).toEqual([false, false]);
    });

    test('an image that holds another model, or does not end, fails; its container is removed', async () => {
      const { images } = await shop.build('tiny', ['--variant', 'slim', '--runtime', 'good']);
      const parts = { run, find, env: process.env, redact: (text: string) => text };
      const { sha } = headOf(model);
      const request = {
        reference: images[0]?.reference ?? '',
        pull: true,
        platforms: ['linux/amd64', 'linux/arm64'],
        weights: 0,
        command: null,
        expected: { model: 'acme/tiny', revision: sha, variant: 'slim', engine: 'vllm' },
        dockerConfig: null,
      } as const;
      const smoke = (changes: Partial<Parameters<typeof smokeImage>[1]>, timeout = 60_000) =>
        smokeImage(
          { ...parts, timeoutMs: { run: timeout, pull: 60_000 } },
          { ...request, platforms: [...request.platforms], ...changes },
        );
      expect(await smoke({})).toEqual(PASSED);
      const other = await smoke({ expected: { ...request.expected, revision: '0'.repeat(40) } });
      expect(other.reason).toBe(`It holds revision ${sha} instead of ${'0'.repeat(40)}.`);
      const endless = await smoke({ command: ['sleep', '600'] }, 5_000);
      expect(endless).toMatchObject({ status: 'failed', reason: expect.stringContaining('did not end within 5 s') });
      const { stdout } = await docker(['ps', '--all', '--filter', 'name=model-image-smoke-', '--format', '{{.Names}}']);
      expect(stdout).toBe('');
      expect(await smoke({ reference: `${shop.registry.host}/acme/none@sha256:${'0'.repeat(64)}` })).toMatchObject({
        status: 'not-run',
      });
    });
  },
);
