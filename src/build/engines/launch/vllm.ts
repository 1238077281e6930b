import type { EngineLaunch } from './types.ts';

/** `vllm serve FOLDER`, else `python3 -m vllm.entrypoints.openai.api_server`; listens on every interface by itself. */
export const vllmLaunch: EngineLaunch = { port: 8000, health: '/health' };
