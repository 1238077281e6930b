import dns from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';
import { buildConnector } from 'undici';
import { PublisherError } from '../errors.ts';
import { addressRule, bareHost } from './addresses.ts';

export interface GuardOptions {
  /** `host:port` pairs of the operator, exempt from the address rule. */
  allow: string[];
  /** Loopback addresses are fine too: for a Hub that is on loopback itself and redirects there. */
  allowLoopback?: boolean;
  connectTimeoutMs: number;
}

export interface Guard {
  /** Opens connections for undici; refuses before the first byte leaves. */
  connect: buildConnector.connector;
  /**
   * The same rule for a request a proxy will carry: literal and locally resolvable addresses are judged, a name only the proxy
   * can resolve is the proxy's duty.
   * @throws PublisherError `refused`
   */
  check(url: URL): Promise<void>;
}

/**
 * The rule that keeps untrusted URLs off the operator's network. It runs in the connection's own name lookup, so the
 * address judged is the address connected to, on every hop of a redirect.
 */
export function createGuard(options: GuardOptions): Guard {
  const allowed = new Set(options.allow.map(normaliseEntry));
  const settings = { allowH2: false, timeout: options.connectTimeoutMs };
  const open = buildConnector(settings);
  const guarded = buildConnector({ ...settings, lookup: guardedLookup(judge) });

  function judge(host: string, address: string): PublisherError | null {
    const rule = addressRule(address);
    if (rule === null || (rule === 'loopback' && options.allowLoopback === true)) return null;
    const where = host === address ? host : `${host} (${address})`;
    return new PublisherError(
      'refused',
      `Refused to connect to ${where}: a ${rule} address is not public. If it is yours, list it by host and port`,
    );
  }

  return {
    connect(target, callback) {
      const host = bareHost(target.hostname);
      if (allowed.has(hostPort(host, target.port, target.protocol))) {
        open(target, callback);
        return;
      }
      // Sockets do not look up literal addresses.
      const refusal = isIP(host) === 0 ? null : judge(host, host);
      if (refusal === null) guarded(target, callback);
      else queueMicrotask(() => callback(refusal, null));
    },
    async check(url) {
      const host = bareHost(url.hostname);
      if (allowed.has(hostPort(host, url.port, url.protocol))) return;
      const addresses =
        isIP(host) === 0 ? await dns.promises.lookup(host, { all: true }).catch(() => []) : [{ address: host }];
      for (const { address } of addresses) {
        const refusal = judge(host, address);
        if (refusal !== null) throw refusal;
      }
    },
  };
}

/** `dns.lookup` that fails when any address of the name is refused: a name with one private address is not half public. */
export function guardedLookup(
  judge: (host: string, address: string) => Error | null,
  lookup: typeof dns.lookup = dns.lookup,
): LookupFunction {
  return (hostname, options, callback) => {
    lookup(hostname, { ...options, all: true }, (error, addresses) => {
      if (error !== null) return callback(error, []);
      for (const { address } of addresses) {
        const refusal = judge(hostname, address);
        if (refusal !== null) return callback(refusal, []);
      }
      const [first] = addresses;
      if (options.all === true) callback(null, addresses);
      else callback(null, first?.address ?? '', first?.family);
    });
  };
}

function normaliseEntry(entry: string): string {
  const url = URL.parse(`http://${entry}`);
  if (url === null || !/^[^/@]+:\d+$/.test(entry)) {
    throw new PublisherError(
      'usage',
      `An address exempt from the connection rule is written host:port, not "${entry}"`,
    );
  }
  return hostPort(bareHost(url.hostname), url.port, url.protocol);
}

function hostPort(host: string, port: string, protocol: string): string {
  return `${host}:${port || (protocol === 'https:' ? '443' : '80')}`;
}
