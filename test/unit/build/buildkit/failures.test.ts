import { describe, expect, it } from 'vitest';
import { builderProblem, buildFailure } from '../../../../src/build/buildkit/failures.ts';

describe('a failed build', () => {
  it.each([
    ['ERROR: OCI exporter is not supported for the docker driver.', 'environment', false],
    ['ERROR: Cannot connect to the Docker daemon at unix:///var/run/docker.sock.', 'environment', false],
    ['ERROR: failed to solve: write /blobs/x: no space left on device', 'environment', false],
    ['ERROR: failed to solve: digest mismatch sha256:aa: sha256:bb', 'download-corrupt', true],
    ['ERROR: failed to solve: Get "http://x": dial tcp: connection refused', 'hub-unavailable', true],
    ['ERROR: failed to solve: Get "http://x": EOF', 'hub-unavailable', true],
    ['ERROR: failed to solve: dockerfile parse error on line 3', 'internal', false],
    ['', 'internal', false],
  ])('that says %j is told as %s', (said, code, retryable) => {
    const error = buildFailure(said);
    expect(error).toMatchObject({ code, retryable });
    expect(error.message).toContain(said === '' ? 'no reason given' : said);
  });

  it('is quoted by its last lines only', () => {
    const { message } = buildFailure(`${Array.from({ length: 50 }, (_, at) => `line ${at}`).join('\n')}\n`);
    expect(message).toContain('line 49');
    expect(message).not.toContain('line 40');
  });
});

describe('the question for a builder', () => {
  const answer = { exitCode: 0, stdout: 'Name: default\nDriver: docker\n', stderr: '' };

  it('is answered by one that runs', () => {
    expect(builderProblem(answer)).toBeNull();
  });

  it('without the plugin says what to install', () => {
    const problem = builderProblem({ exitCode: 1, stdout: '', stderr: "docker: 'buildx' is not a docker command.\n" });
    expect(problem).toMatchObject({ code: 'environment' });
    expect(problem?.message).toContain('docker-buildx');
    expect(problem?.message).toContain('--builder assemble');
  });

  it('without an engine, which buildx tells on standard output and with exit code 0, says so', () => {
    const stdout =
      'Name:   default\nDriver:\nError:  Cannot connect to the Docker daemon at unix:///x. Is it running?\n';
    const problem = builderProblem({ exitCode: 0, stdout, stderr: '' });
    expect(problem).toMatchObject({ code: 'environment', exitCode: 2 });
    expect(problem?.message).toContain('unix:///x');
  });

  it('for a builder that is not there names it', () => {
    const problem = builderProblem({ exitCode: 1, stdout: '', stderr: 'ERROR: no builder "mine" found\n' });
    expect(problem?.message).toContain('no builder "mine" found');
  });
});
