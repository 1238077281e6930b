import { ProbotOctokit } from 'probot';

/**
 * Probot's client without its pauses between writes and without retries. A function, because Probot's own throttle
 * settings are laid over an object's.
 */
export const UnthrottledOctokit = ProbotOctokit.defaults((options: ConstructorParameters<typeof ProbotOctokit>[0]) => ({
  ...options,
  retry: { enabled: false },
  throttle: { ...options?.throttle, enabled: false },
}));
