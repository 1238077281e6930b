import { execFile, spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Why there is no container engine to test with; null when one answers. */
export function engineMissing(): string | null {
  const { status, stderr, error } = spawnSync('docker', ['version', '--format', '{{.Server.Version}}'], {
    encoding: 'utf8',
  });
  if (status === 0) return null;
  return error === undefined ? (stderr.trim().split('\n').at(-1) ?? 'docker failed') : 'no docker command';
}

export async function docker(
  args: string[],
  options: { input?: string } = {},
): Promise<{ stdout: string; stderr: string; code: number }> {
  const child = run('docker', args, { maxBuffer: 64 * 1024 * 1024 });
  if (options.input !== undefined) child.child.stdin?.end(options.input);
  return child.then(
    ({ stdout, stderr }) => ({ stdout, stderr, code: 0 }),
    (error: { stdout?: string; stderr?: string; code?: number }) => ({
      stdout: error.stdout ?? '',
      stderr: error.stderr ?? '',
      code: error.code ?? -1,
    }),
  );
}

/**
 * Says what it was started with. When its last argument is \`--stay\` it answers \`/health\` on its port and stays until it is told to stop,
 * and says that too.
 */
const FAKE_ENGINE = `#!/bin/sh
case "\${1-}" in --version) echo "fake engine 1.0"; exit 0 ;; esac
echo "engine: $*"
echo "token: \${HF_TOKEN:-unset} \${HUGGING_FACE_HUB_TOKEN:-unset}"
port=8000 before='' last=''
case "\${0##*/}" in llama-server) port=8080 ;; esac
for argument in "$@"; do
  case "$before" in --port) port=$argument ;; esac
  before=$argument last=$argument
done
case "$last" in --stay) ;; *) exit 0 ;; esac
httpd -f -p "$port" -h /usr/share/fake-engine &
served=$!
trap 'kill "$served"; echo "engine: stopped"; exit 0' TERM
echo "engine: serving"
while :; do sleep 1 & wait $!; done
`;

export interface BaseOptions {
  /** The name its stand-in for an engine goes by, `vllm` or `llama-server`; null for a base without one. Default: vllm. */
  engine?: string | null;
  /** A folder whose content is laid over the root: a Python, for one. */
  rootfs?: string;
  /** Applets of busybox it lacks. */
  without?: string[];
}

/** A base image of busybox and a stand-in for an engine, pushed to a registry. Returns nothing; the image is `reference`. */
export async function pushBase(reference: string, options: BaseOptions = {}): Promise<void> {
  const { engine = 'vllm', rootfs, without = [] } = options;
  const folder = await mkdtemp(join(tmpdir(), 'publisher-base-'));
  try {
    await run('cp', [(await run('sh', ['-c', 'command -v busybox'])).stdout.trim(), join(folder, 'busybox')]);
    await writeFile(join(folder, 'engine'), FAKE_ENGINE, { mode: 0o755 });
    await writeFile(join(folder, 'health'), 'ok\n');
    if (rootfs !== undefined) await run('cp', ['-a', rootfs, join(folder, 'rootfs')]);
    await writeFile(
      join(folder, 'Dockerfile'),
      [
        'FROM scratch',
        'COPY busybox /bin/busybox',
        'RUN ["/bin/busybox", "mkdir", "-p", "/usr/bin", "/usr/sbin", "/sbin", "/tmp", "/root", "/etc"]',
        'RUN ["/bin/busybox", "--install", "-s", "/bin"]',
        'RUN ["/bin/busybox", "chmod", "1777", "/tmp"]',
        ...without.map((applet) => `RUN ["/bin/busybox", "rm", "/bin/${applet}"]`),
        ...(rootfs === undefined ? [] : ['COPY rootfs /']),
        'COPY health /usr/share/fake-engine/health',
        ...(engine === null ? [] : [`COPY engine /bin/${engine}`]),
        'ENV PATH=/usr/local/bin:/usr/bin:/bin RUNTIME=busybox',
        'LABEL org.example.base=yes',
        'WORKDIR /srv',
        'ENTRYPOINT ["vllm", "serve"]',
        '',
      ].join('\n'),
    );
    const built = await docker(['build', '--network=host', '-t', reference, folder]);
    if (built.code !== 0) throw new Error(`docker build failed: ${built.stderr}`);
    const pushed = await docker(['push', reference]);
    if (pushed.code !== 0) throw new Error(`docker push failed: ${pushed.stderr}`);
    await docker(['rmi', reference]);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
