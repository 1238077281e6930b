import { BlockList, isIP } from 'node:net';

/** Everything that is not the public internet: IANA special-purpose registries (RFC 6890 and its updates). First match names it. */
const RANGES: readonly (readonly [rule: string, ...subnets: string[]])[] = [
  ['IPv4-mapped', '::ffff:0:0/96'],
  ['unspecified', '0.0.0.0/8', '::/128'],
  ['loopback', '127.0.0.0/8', '::1/128'],
  ['private', '10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', 'fc00::/7', 'fec0::/10'],
  ['link-local', '169.254.0.0/16', 'fe80::/10'],
  ['carrier-grade NAT', '100.64.0.0/10'],
  ['multicast', '224.0.0.0/4', 'ff00::/8'],
  ['NAT64', '64:ff9b::/96', '64:ff9b:1::/48'],
  ['6to4', '192.88.99.0/24', '2002::/16'],
  ['documentation', '192.0.2.0/24', '198.51.100.0/24', '203.0.113.0/24', '2001:db8::/32', '3fff::/20'],
  ['reserved', '192.0.0.0/24', '198.18.0.0/15', '240.0.0.0/4', '::/96', '100::/64', '2001::/23', '5f00::/16'],
];

// Apart by family: a BlockList takes every IPv4 address for an IPv4-mapped one.
const IPV4 = RANGES.map(([rule, ...subnets]) => ({
  rule,
  list: blockList(subnets.filter((net) => !net.includes(':'))),
}));
const IPV6 = RANGES.map(([rule, ...subnets]) => ({
  rule,
  list: blockList(subnets.filter((net) => net.includes(':'))),
}));
const GLOBAL_UNICAST = blockList(['2000::/3']);

/** Why an IP address is not public (`loopback`, `private`, …), or null when it is. Text that is no address is not public either. */
export function addressRule(address: string): string | null {
  const family = isIP(address);
  if (family === 0) return 'not an address';
  // The zone of a link-local address is no part of what is classified.
  const bare = address.replace(/%.*$/, '');
  if (family === 4) return IPV4.find(({ list }) => list.check(bare, 'ipv4'))?.rule ?? null;
  const named = IPV6.find(({ list }) => list.check(bare, 'ipv6'))?.rule ?? null;
  return named ?? (GLOBAL_UNICAST.check(bare, 'ipv6') ? null : 'reserved');
}

/** Whether a URL names this machine: `localhost` or a literal loopback address. */
export function isLoopbackUrl(url: string | URL): boolean {
  const host = bareHost(new URL(url).hostname);
  return host === 'localhost' || host.endsWith('.localhost') || addressRule(host) === 'loopback';
}

/** A host as sockets want it: IPv6 without brackets, no trailing dot, lower case. */
export function bareHost(hostname: string): string {
  return hostname
    .replace(/^\[(.*)\]$/, '$1')
    .replace(/\.$/, '')
    .toLowerCase();
}

function blockList(subnets: readonly string[]): BlockList {
  const list = new BlockList();
  for (const subnet of subnets) {
    const [net = '', prefix] = subnet.split('/');
    list.addSubnet(net, Number(prefix), isIP(net) === 6 ? 'ipv6' : 'ipv4');
  }
  return list;
}
