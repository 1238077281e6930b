/** Something a registry does wrong, for the next `times` (default one) requests that match. */
export type Fault =
  /** `message`: what the error document says, `{authorization}` being what the request carried. */
  (
    | { kind: 'status'; status: number; code?: string; retryAfter?: string; message?: string }
    /** The connection is destroyed once this many bytes of the request's body have come. */
    | { kind: 'die'; afterBytes: number }
    /** The connection is destroyed once this many bytes of the answer's body were sent. */
    | { kind: 'cut'; afterBytes: number }
    /** One byte of the answer's body is another. */
    | { kind: 'corrupt' }
    /** The upload session is forgotten: before the request, or once this many bytes of its body have come. */
    | { kind: 'lose-session'; afterBytes?: number }
    /** Every token ends once this many bytes of the body have come: they are kept, the request is answered 401. */
    | { kind: 'expire-in-body'; afterBytes: number }
    /** Every token ends just before the request is judged. */
    | { kind: 'expire-tokens' }
    | { kind: 'slow'; ms: number }
  ) & {
    method?: string;
    path?: RegExp;
    times?: number;
    /** How likely a matching request meets it, 0 to 1. Default 1. */
    chance?: number;
  };

/** Takes the first fault that matches a request, using it up. Only logged-in requests meet faults, `expire-tokens` apart. */
export function takeFault(
  faults: Fault[],
  method: string,
  path: string,
  before: 'login' | 'work' = 'work',
): Fault | null {
  const at = faults.findIndex(
    (fault) =>
      (fault.kind === 'expire-tokens') === (before === 'login') &&
      (fault.method ?? method) === method &&
      (fault.path === undefined || fault.path.test(path)) &&
      (fault.chance === undefined || Math.random() < fault.chance),
  );
  const fault = faults[at];
  if (fault === undefined) return null;
  const left = (fault.times ?? 1) - 1;
  if (left > 0) faults[at] = { ...fault, times: left };
  else faults.splice(at, 1);
  return fault;
}
