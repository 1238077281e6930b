import { expect, test } from 'vitest';
import { startHint } from '../../../src/cli/start-hint.ts';

const slim = { engine: 'vllm', serveArgs: ['--port', '9000'], variant: 'slim', downloadRoot: '/data' } as const;

test('how to start an image names port, volume and health endpoint', () => {
  expect(startHint('hf-tiny:slim', { ...slim, serveArgs: [...slim.serveArgs] })).toBe(
    'Start it: docker run -p 9000:9000 -v "$PWD/models:/data" hf-tiny:slim; http://127.0.0.1:9000/health answers 200 once it is ready.',
  );
  expect(startHint('hf-tiny:fat', { ...slim, engine: 'sglang', serveArgs: [], variant: 'fat' })).toContain(
    'docker run -p 30000:30000 hf-tiny:fat;',
  );
});
