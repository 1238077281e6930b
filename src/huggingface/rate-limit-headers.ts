/** What is left of one of the Hub's rate limits. */
export interface Limit {
  /** `api` or `resolvers`. */
  bucket: string;
  /** Requests. */
  left: number;
  /** Until the window ends. */
  seconds: number;
}

/** The Hub's windows last five minutes: `RateLimit-Policy: "fixed window";"api";q=500;w=300`. */
const WINDOW_SECONDS = 300;

/**
 * `RateLimit: "api";r=12;t=55`, several separated by commas. A limit that names no end (`t`) gets that of its policy's window (`w`),
 * which is the latest it can be. What is not understood is left out.
 */
export function limitsIn(headers: Headers): Limit[] {
  const policies = (headers.get('ratelimit-policy') ?? '').split(',');
  return (headers.get('ratelimit') ?? '').split(',').flatMap((text) => {
    const bucket = /^\s*"([^"]+)"/.exec(text)?.[1];
    const left = numberOf(text, 'r');
    if (bucket === undefined || left === null) return [];
    const policy = policies.find((each) => each.includes(`"${bucket}"`)) ?? '';
    return [{ bucket, left, seconds: numberOf(text, 't') ?? numberOf(policy, 'w') ?? WINDOW_SECONDS }];
  });
}

function numberOf(text: string, name: string): number | null {
  const digits = new RegExp(`;\\s*${name}=(\\d{1,9})\\b`).exec(text)?.[1];
  return digits === undefined ? null : Number(digits);
}
