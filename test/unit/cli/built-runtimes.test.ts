import { existsSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { type Stage, startStage } from '../../support/cli/stage.ts';
import { tinyModel } from '../../support/hub/tiny.ts';

const target = z.object({
  runtime: z.string(),
  variant: z.string(),
  platforms: z.array(z.string()),
  action: z.string(),
  inputs: z.string().nullable(),
  base: z.object({ reference: z.string(), digest: z.string().nullable() }),
});
const plan = z.object({ targets: z.array(target), warnings: z.array(z.string()) });

const dockerfile = new URL('../../../docker/runtimes/Dockerfile', import.meta.url);
const MODEL = '  - {id: acme/tiny, short: tiny, runtimes: [vllm-cuda, sglang-cuda, cann]}\n';

describe.skipIf(!existsSync(dockerfile))('runtimes that are not built yet (skipped without their Dockerfile)', () => {
  let stage: Stage;
  beforeAll(async () => {
    stage = await startStage([tinyModel({ id: 'acme/tiny' })]);
  });
  afterAll(() => stage.close());

  it('are planned with the platforms they have, beside the models, without an identity', async () => {
    const path = await stage.catalog('runtimes', MODEL);
    const told = await stage.cli(['plan', '--json', '--catalog', path]);
    const { targets, warnings } = plan.parse(told.json());
    expect(told.code).toBe(0);
    expect(
      targets.map(({ runtime, platforms, action, inputs }) => [runtime, platforms.length, action, inputs]),
    ).toEqual([
      ['vllm-cuda', 2, 'build', null],
      ['vllm-cuda', 2, 'build', null],
      ['sglang-cuda', 1, 'build', null],
      ['sglang-cuda', 1, 'build', null],
    ]);
    expect(targets[0]?.base.digest).toBeNull();
    expect(targets[0]?.base.reference).toMatch(/\/acme\/model-runner:b[0-9a-f]{12}-vllm-cuda$/);
    expect(warnings).toEqual([expect.stringContaining('`cann`')]);
  });

  it('fail a build with what to do about it', async () => {
    const path = await stage.catalog('runtimes', MODEL);
    const told = await stage.cli(['build', 'tiny', '--runtime', 'vllm-cuda', '--json', '--catalog', path]);
    expect(told.code).toBe(3);
    expect(told.json()).toMatchObject({
      images: [],
      errors: [{ code: 'registry-not-found', message: expect.stringContaining('`runtime publish vllm-cuda`') }, {}],
    });
  });
});
