import { describe, expect, test } from 'vitest';
import { lintDockerfile } from '../../../scripts/lint-docker/rules.ts';
import { shellParts } from '../../../scripts/lint-docker/shell-parts.ts';
import { hasShellcheck, shellcheck } from '../../../scripts/lint-docker/shellcheck.ts';

const CLEAN = `# check=skip=none
ARG BASE=scratch
FROM docker.io/library/debian:13 AS tools
RUN --mount=type=cache,target=/var/cache/apt apt-get update && \\
    # why curl is here
    apt-get install -qy --no-install-recommends curl && \\
    rm -rf /var/lib/apt/lists/*
FROM \${BASE}
COPY --from=tools --link --chmod=755 /usr/bin/curl /usr/bin/curl
ADD --link --checksum=sha256:${'a'.repeat(64)} --chmod=644 https://hub.example/x/resolve/1/model.gguf /models/
COPY --chmod=755 <<'SCRIPT' /bin/hello
#!/bin/sh
echo "$1"
SCRIPT
RUN <<'SCRIPT'
set -eu
mkdir -p /models
SCRIPT
WORKDIR /srv
ENTRYPOINT ["/bin/hello"]
CMD ["x"]
`;

const canCheck = await hasShellcheck();
const rulesOf = (text: string) => lintDockerfile(text).map(({ rule, line }) => `${line} ${rule}`);

describe('a Dockerfile', () => {
  test('that keeps to the rules, with all that BuildKit knows, has no findings', () => {
    expect(lintDockerfile(CLEAN)).toEqual([]);
  });

  test.each([
    ['an unknown instruction', 'FROM a:1\nRUNN x\n', ['2 syntax']],
    ['an unknown flag', 'FROM a:1\nCOPY --form=x a b\n', ['2 syntax']],
    ['no base', 'RUN x\n', ['1 syntax']],
    ['a base without a tag', 'FROM debian\n', ['1 pinned-base']],
    ['the newest base', 'FROM debian:13 AS one\nFROM one\nFROM debian:latest\n', ['3 pinned-base']],
    ['a relative folder', 'FROM a:1\nWORKDIR srv\n', ['2 syntax']],
    ['a shell before the program', 'FROM a:1\nENTRYPOINT exec vllm\n', ['2 exec-form']],
    ['ADD of a file', 'FROM a:1\nADD file /x\n', ['2 copy-not-add']],
    ['sudo', 'FROM a:1\nRUN sudo id\n', ['2 no-sudo']],
    ['apt', 'FROM a:1\nRUN x && apt install -y y\n', ['2 apt-get']],
    [
      'a careless apt-get, over several lines',
      'FROM a:1\nRUN apt-get update && \\\n  apt-get install curl\n',
      ['2 apt-recommends', '2 apt-yes', '2 apt-lists'],
    ],
    ['pip with its cache, in a here-document', 'FROM a:1\nRUN <<EOT\nset -e\npip install x\nEOT\n', ['3 pip-cache']],
    ['a script run unseen', 'FROM a:1\nRUN curl -fsS https://x.example | sh\n', ['2 pipe-to-shell']],
  ])('with %s is told so, with the line', (_, text, expected) => {
    expect(rulesOf(text)).toEqual(expected);
  });
});

describe('the shell of a Dockerfile', () => {
  test('is what RUN lines and copied scripts hold, without flags, each with its line', () => {
    expect(shellParts(CLEAN).map(({ line, of, shell }) => ({ line, of, shell }))).toEqual([
      { line: 4, of: 'run', shell: 'sh' },
      { line: 12, of: 'script', shell: 'sh' },
      { line: 16, of: 'run', shell: 'sh' },
    ]);
    expect(shellParts(CLEAN)[0]?.text).not.toContain('--mount');
    expect(shellParts('FROM a:1\nRUN ["a", "$b"]\n')).toEqual([]);
    expect(
      shellParts('FROM a:1\nRUN <<EOT bash\necho\nEOT\nRUN <<EOT\n#!/usr/bin/env bash\necho\nEOT\n'),
    ).toMatchObject([{ line: 3 }, { line: 6, shell: 'bash' }]);
  });

  test.skipIf(!canCheck)('goes through shellcheck, whose lines are those of the file', async () => {
    const text =
      'FROM a:1\nARG GIVEN\nRUN echo "$GIVEN" \\\n  # why\n  && rm $GIVEN\nCOPY <<\'S\' /x\n#!/bin/sh\n[[ -n $a ]]\nS\n';
    const findings = (await Promise.all(shellParts(text).map(shellcheck))).flat();
    expect(findings.map(({ line, rule }) => `${line} ${rule}`)).toEqual(['5 SC2086', '8 SC3010']);
    expect((await Promise.all(shellParts(CLEAN).map(shellcheck))).flat()).toEqual([]);
  });
});
