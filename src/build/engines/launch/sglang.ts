import type { EngineLaunch } from './types.ts';

/** `python3 -m sglang.launch_server --model-path FOLDER`; the entrypoint names host and port, since its own are for this host only. */
export const sglangLaunch: EngineLaunch = { port: 30_000, health: '/health' };
