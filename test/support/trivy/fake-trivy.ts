import { delimiter } from 'node:path';
import { fileURLToPath } from 'node:url';

export type FakeTrivyMode =
  | 'ok'
  | 'critical'
  | 'clean'
  | 'half'
  | 'exit-1'
  | 'exit-137'
  | 'killed'
  | 'slow'
  | 'malicious';

/** Folder of the stand-in, for the front of a PATH. */
export const FAKE_TRIVY_FOLDER = fileURLToPath(new URL('./bin', import.meta.url));

/** An environment in which `trivy` is the stand-in, behaving as told. */
export function fakeTrivyEnvironment(
  mode: FakeTrivyMode = 'ok',
  path: string = process.env.PATH ?? '',
): Record<string, string> {
  return { PATH: [FAKE_TRIVY_FOLDER, path].join(delimiter), TRIVY_FAKE_MODE: mode };
}
