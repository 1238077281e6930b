import { expect, test } from 'vitest';
import { requestOf } from '../../../src/cli/build-request.ts';
import { PublisherError } from '../../../src/errors.ts';
import type { PlannedTarget } from '../../../src/plan/types.ts';
import { planned } from '../../support/report/report.ts';
import { runtimeRequest } from '../../support/store/runtime-request.ts';

function refusalOf(target: PlannedTarget): PublisherError {
  try {
    requestOf(target);
  } catch (error) {
    if (error instanceof PublisherError) return error;
  }
  throw new Error('it was not refused');
}

test('a model whose runtime is not there says how to make it, and that an outside service lacks it', () => {
  const reference = 'registry.test/acme/model-runner:baaaaaaaaaaaa-cuda';
  const error = refusalOf(
    planned('tiny', { awaits: runtimeRequest('a'.repeat(64)), base: { reference, digest: null } }),
  );
  expect(error).toMatchObject({ code: 'registry-not-found', exitCode: 3 });
  expect(error.message).toContain(reference);
  expect(error.message).toContain('`runtime publish cuda`');
});

test('a model whose base was not resolved repeats why', () => {
  const error = refusalOf(planned('tiny', { warnings: ['The base image is not resolved: no answer'] }));
  expect(error).toMatchObject({ code: 'registry-unavailable', exitCode: 3 });
  expect(error.message).toContain('no answer');
});
