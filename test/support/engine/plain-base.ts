import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { docker } from './engine.ts';

/** Modes that nobody would choose by default, of folders that images write into. */
const FOLDERS = { etc: 0o711, usr: 0o711, 'usr/local': 0o751, 'usr/local/bin': 0o775, opt: 0o700, 'opt/deep': 0o711 };

/**
 * A base image that nothing can run in, for any platforms, pushed to a registry: with a user, ports, volumes, and folders whose modes tell
 * whether somebody wrote them anew.
 */
export async function pushPlainBase(reference: string, platforms: readonly string[], layers = 1): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'publisher-plain-base-'));
  try {
    for (const [path, mode] of Object.entries(FOLDERS)) {
      await mkdir(join(folder, 'root', path), { recursive: true });
      await chmod(join(folder, 'root', path), mode);
    }
    await writeFile(join(folder, 'root/etc/os-release'), 'ID=plain\n');
    await writeFile(
      join(folder, 'Dockerfile'),
      [
        'FROM scratch',
        'COPY root/ /',
        ...Array.from({ length: layers - 1 }, (_, at) => `COPY root/etc/os-release /layers/${at}`),
        'ENV PATH=/usr/local/bin:/bin HF_HOME=/elsewhere',
        'LABEL org.example.base=yes org.opencontainers.image.title=base',
        'WORKDIR /srv',
        'USER 1000:1000',
        'EXPOSE 8000/tcp',
        'VOLUME /data',
        'STOPSIGNAL SIGINT',
        'ENTRYPOINT ["vllm", "serve"]',
        'CMD ["--of-the-base"]',
        '',
      ].join('\n'),
    );
    const output = `--output=type=image,name=${reference},push=true,oci-mediatypes=true`;
    const flags = ['--provenance=false', `--platform=${platforms.join(',')}`, output];
    const { code, stderr } = await docker(['buildx', 'build', ...flags, folder]);
    if (code !== 0) throw new Error(`the base was not built: ${stderr}`);
    await docker(['rmi', '--force', reference]);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
