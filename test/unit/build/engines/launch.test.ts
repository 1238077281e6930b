import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { endpointOf } from '../../../../src/build/engines/launch/index.ts';

test('an engine answers on its own port unless its arguments name another, the last of which counts', () => {
  expect(endpointOf('vllm', [])).toEqual({ port: 8000, health: '/health' });
  expect(endpointOf('sglang', ['--host', '0.0.0.0'])).toEqual({ port: 30_000, health: '/health' });
  expect(endpointOf('llamacpp', ['--port', '9000', '--port=9001'])).toEqual({ port: 9001, health: '/health' });
  expect(endpointOf('llamacpp', ['--port'])).toEqual({ port: 8080, health: '/health' });
  expect(endpointOf('vllm', ['--port', 'auto'])).toEqual({ port: 8000, health: '/health' });
});

test('the entrypoint gives SGLang the port that is told here', async () => {
  const entrypoint = await readFile(new URL('../../../../docker/entrypoint.sh', import.meta.url), 'utf8');
  expect(entrypoint).toContain(`set -- --port ${endpointOf('sglang', []).port} `);
});
