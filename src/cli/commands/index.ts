import type { Command } from '../command.ts';
import { build } from './build.ts';
import { demo } from './demo.ts';
import { explain } from './explain.ts';
import { mirror } from './mirror.ts';
import { plan } from './plan.ts';
import { prune } from './prune.ts';
import { publish } from './publish.ts';
import { release } from './release.ts';
import { rescan } from './rescan.ts';
import { runtime } from './runtime.ts';
import { scan } from './scan.ts';
import { serve, worker } from './serve.ts';
import { validate } from './validate.ts';
import { verify } from './verify.ts';

export const commands: readonly Command[] = [
  validate,
  plan,
  explain,
  build,
  mirror,
  publish,
  release,
  prune,
  runtime,
  scan,
  verify,
  rescan,
  serve,
  worker,
  demo,
];
