import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const script = fileURLToPath(new URL('./worker-process.ts', import.meta.url));

/** Runs a worker on the database until it holds the job `k` of the build queue, then kills it with SIGKILL. */
export async function killWorkerWithJob(kind: 'folder' | 'server', where: string): Promise<void> {
  const child = spawn(process.execPath, [script, kind, where], { stdio: ['ignore', 'pipe', 'inherit'] });
  const exited = once(child, 'exit');
  const said = await Promise.race([once(child.stdout, 'data').then(String), exited.then(() => 'ended')]);
  if (said.trim() !== 'running') throw new Error(`the worker ${said} instead of running`);
  child.kill('SIGKILL');
  await exited;
}
