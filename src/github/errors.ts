import { z } from 'zod';
import { messageOf, PublisherError } from '../errors.ts';

/** The parts of Octokit's RequestError that are used. A request without an answer has status 500 and no response. */
const requestError = z.object({
  status: z.number(),
  response: z
    .object({
      headers: z.record(z.string(), z.union([z.string(), z.number()]).optional()),
      data: z.object({ message: z.string() }).optional().catch(undefined),
    })
    .optional()
    .catch(undefined),
});
type RequestFailure = z.infer<typeof requestError>;

export function statusOf(thrown: unknown): number | null {
  const parsed = requestError.safeParse(thrown);
  return parsed.success ? parsed.data.status : null;
}

/** Whether the request may have been carried out although its answer is a failure or was lost. */
export function isAmbiguous(thrown: unknown): boolean {
  const status = statusOf(thrown);
  return status === null ? !(thrown instanceof PublisherError) : status >= 500;
}

/** GitHub answers rate limits with 429, or with 403 that only headers and wording tell from a refusal. */
function isRateLimited({ status, response }: RequestFailure): boolean {
  if (status === 429) return true;
  if (status !== 403 || response === undefined) return false;
  const { headers, data } = response;
  if (headers['retry-after'] !== undefined || String(headers['x-ratelimit-remaining']) === '0') return true;
  return /rate limit|abuse/i.test(data?.message ?? '');
}

/**
 * A failed request as one of ours. `what` names it for people: `reading pull request acme/models#3`.
 * GitHub's own message is kept, shortened; headers and URLs are not.
 */
export function githubError(what: string, thrown: unknown): PublisherError {
  if (thrown instanceof PublisherError) return thrown;
  if (thrown instanceof z.ZodError) {
    const fields = thrown.issues.map((issue) => issue.path.join('.')).join(', ');
    return new PublisherError('github-unavailable', `GitHub, ${what}: the answer is not as documented (${fields})`, {
      cause: thrown,
    });
  }
  const parsed = requestError.safeParse(thrown);
  if (!parsed.success || parsed.data.response === undefined) {
    return new PublisherError('github-unavailable', `GitHub, ${what}: no answer: ${messageOf(thrown)}`, {
      cause: thrown,
    });
  }
  const { status, response } = parsed.data;
  const said = `${status} ${(response.data?.message ?? '').slice(0, 300)}`.trim();
  const failure = (advice: string, retryable: boolean) =>
    new PublisherError('github-unavailable', `GitHub, ${what}: ${said}${advice}`, { cause: thrown, retryable });

  if (status >= 500) return failure('', true);
  if (isRateLimited(parsed.data)) return failure('; the rate limit is used up, it is tried again later', true);
  if (status === 401) return failure('; the installation token or the App key is not accepted', true);
  if (status === 403) {
    const advice = 'grant the App the permissions of app.yml and accept them in the installation';
    return new PublisherError('denied', `GitHub, ${what}: ${said}; ${advice}`, { cause: thrown });
  }
  if (status === 404 || status === 410) return failure('; it is not there, or this App cannot see it', false);
  return failure('', false);
}

/** Runs a request; anything it throws becomes a PublisherError naming the request. */
export async function naming<T>(what: string, request: () => Promise<T>): Promise<T> {
  try {
    return await request();
  } catch (thrown) {
    throw githubError(what, thrown);
  }
}

/** The same, with null for 404: the thing is not there. */
export async function orNull<T>(what: string, request: () => Promise<T>): Promise<T | null> {
  try {
    return await request();
  } catch (thrown) {
    if (statusOf(thrown) === 404 || statusOf(thrown) === 410) return null;
    throw githubError(what, thrown);
  }
}
