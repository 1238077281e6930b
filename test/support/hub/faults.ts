import type { ServerResponse } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import type { Content } from './content.ts';

/** What goes wrong. The first four happen instead of (or before) an answer, the others while content is sent. */
export type Fault =
  | { kind: 'status'; status: number; headers?: Record<string, string>; body?: string }
  | { kind: 'rate-limit'; seconds: number }
  | { kind: 'delay'; ms: number }
  | { kind: 'drop' }
  /** `silent`: without a length and ended properly, as a cut chunked body of a careless proxy is. */
  | { kind: 'truncate'; bytes: number; silent?: boolean }
  | { kind: 'corrupt'; at: number }
  | { kind: 'stall'; bytes: number }
  | { kind: 'append'; bytes: number };

export interface FaultRule {
  fault: Fault;
  /** Which of the two servers. Default: the Hub; for content faults, both. */
  server?: 'hub' | 'cdn';
  /** Tested against method, path and query, e.g. `GET /api/models/acme/tiny`. Default: everything. */
  match?: RegExp;
  /** Default 1. */
  times?: number;
  /** How likely a matching request meets it, 0 to 1. Default 1. */
  chance?: number;
}

const CONTENT_FAULTS: ReadonlySet<Fault['kind']> = new Set(['truncate', 'corrupt', 'stall', 'append']);

export interface Faults {
  add(rule: FaultRule): void;
  clear(): void;
  /** Uses up the next rule for this request, of the kind that replaces an answer or of the kind that spoils content. */
  take(server: 'hub' | 'cdn', request: string, phase: 'answer' | 'content'): Fault | null;
}

export function createFaults(): Faults {
  let rules: (FaultRule & { left: number })[] = [];
  return {
    add: (rule) => void rules.push({ ...rule, left: rule.times ?? 1 }),
    clear() {
      rules = [];
    },
    take(server, request, phase) {
      const rule = rules.find(({ fault, left, match, server: only, chance = 1 }) => {
        const ofContent = CONTENT_FAULTS.has(fault.kind);
        const here = (only ?? (ofContent ? server : 'hub')) === server;
        const matching = left > 0 && here && ofContent === (phase === 'content') && (match?.test(request) ?? true);
        return matching && (chance === 1 || Math.random() < chance);
      });
      if (rule === undefined) return null;
      rule.left--;
      return rule.fault;
    },
  };
}

/** Answers in place of the server. True when it did; false when the request goes on. */
export async function answerFault(fault: Fault | null, response: ServerResponse): Promise<boolean> {
  switch (fault?.kind) {
    case 'status':
      response.writeHead(fault.status, fault.headers).end(fault.body);
      return true;
    case 'rate-limit':
      rateLimited(response, fault.seconds);
      return true;
    case 'drop':
      response.socket?.destroy();
      return true;
    case 'delay':
      await delay(fault.ms);
      return false;
    default:
      return false;
  }
}

export function rateLimited(response: ServerResponse, seconds: number, bucket = 'api'): void {
  const headers = {
    'content-type': 'application/json',
    ratelimit: `"${bucket}";r=0;t=${seconds}`,
    'ratelimit-policy': `"fixed window";"${bucket}";q=500;w=300`,
  };
  response.writeHead(429, headers).end('{"error":"We had to rate limit you"}');
}

/** Bytes `start` to `end` of the content, respecting backpressure, and spoilt as the fault says. */
export async function sendContent(
  response: ServerResponse,
  content: Content,
  start: number,
  end: number,
  fault: Fault | null,
): Promise<void> {
  const stop = fault?.kind === 'truncate' || fault?.kind === 'stall' ? Math.min(end, start + fault.bytes) : end;
  let at = start;
  for (const piece of content.slice(start, stop)) {
    if (response.destroyed) return;
    const sent = fault?.kind === 'corrupt' ? flipped(piece, fault.at - at) : piece;
    at += piece.length;
    if (!response.write(sent)) await drained(response);
  }
  if (fault?.kind === 'append') response.write(Buffer.alloc(fault.bytes));
  if (fault?.kind === 'truncate' && fault.silent !== true) response.socket?.destroySoon();
  else if (fault?.kind !== 'stall') response.end();
}

/** A copy with one byte changed, when that byte is in it. */
function flipped(piece: Buffer, at: number): Buffer {
  return at in piece ? Buffer.from(piece).fill((piece[at] ?? 0) ^ 0xff, at, at + 1) : piece;
}

function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      response.off('drain', done).off('close', done);
      resolve();
    };
    response.on('drain', done).on('close', done);
  });
}
