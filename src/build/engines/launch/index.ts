import type { Engine } from '../../../catalog/types.ts';
import { llamacppLaunch } from './llamacpp.ts';
import { sglangLaunch } from './sglang.ts';
import type { EngineLaunch } from './types.ts';
import { vllmLaunch } from './vllm.ts';

const LAUNCH: Record<Engine, EngineLaunch> = { vllm: vllmLaunch, sglang: sglangLaunch, llamacpp: llamacppLaunch };

/** Where an engine answers in its container when it is started with these arguments: `--port N` or `--port=N`, the last one counts. */
export function endpointOf(engine: Engine, serveArgs: readonly string[]): EngineLaunch {
  const asked = serveArgs.flatMap((argument, at) => {
    const value = argument === '--port' ? serveArgs[at + 1] : /^--port=(.*)$/.exec(argument)?.[1];
    return value !== undefined && /^\d{1,5}$/.test(value) ? [Number(value)] : [];
  });
  return { ...LAUNCH[engine], port: asked.at(-1) ?? LAUNCH[engine].port };
}
