import type { EngineLaunch } from './types.ts';

/** `llama-server --model FILE`; answers 503 under the health path while the model loads. */
export const llamacppLaunch: EngineLaunch = { port: 8080, health: '/health' };
