/**
 * `node scripts/lint-docker.ts [FOLDER]`: checks every Dockerfile and shell script below `docker/`, the shell inside of Dockerfiles
 * included. Prints `file:line rule message`; exits 1 when there is anything to print. Without shellcheck its part is named as not done.
 */
import { readdir, readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Finding, lintDockerfile } from './lint-docker/rules.ts';
import { shellParts } from './lint-docker/shell-parts.ts';
import { hasShellcheck, shellcheck } from './lint-docker/shellcheck.ts';

const folder = process.argv[2] ?? fileURLToPath(new URL('../docker', import.meta.url));
const checksShell = await hasShellcheck();

async function findingsIn(path: string): Promise<Finding[]> {
  const text = await readFile(path, 'utf8');
  if (path.endsWith('.sh')) {
    const shell = /^#!\s*\S*?([a-z]*sh)\b/.exec(text)?.[1] ?? 'sh';
    return checksShell ? shellcheck({ shell, text, line: 1, of: 'script' }) : [];
  }
  const shell = checksShell ? await Promise.all(shellParts(text).map(shellcheck)) : [];
  return [...lintDockerfile(text), ...shell.flat()];
}

const names = await readdir(folder, { recursive: true });
const paths = names.filter((name) => /(^|\/)Dockerfile[^/]*$|\.sh$/.test(name)).sort();
let count = 0;
for (const name of paths) {
  for (const { line, rule, message } of await findingsIn(join(folder, name))) {
    count += 1;
    process.stdout.write(`${relative(process.cwd(), join(folder, name))}:${line} ${rule} ${message}\n`);
  }
}
const shell = checksShell ? 'shellcheck included' : 'shellcheck is not installed, so no shell was checked';
process.stdout.write(
  `${paths.length} files in ${relative(process.cwd(), folder) || '.'}, ${count} findings (${shell})\n`,
);
process.exitCode = count > 0 ? 1 : 0;
