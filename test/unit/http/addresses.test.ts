import { describe, expect, it } from 'vitest';
import { addressRule, bareHost, isLoopbackUrl } from '../../../src/http/addresses.ts';

describe('addressRule', () => {
  it.each([
    ['127.0.0.1', 'loopback'],
    ['127.255.255.254', 'loopback'],
    ['::1', 'loopback'],
    ['0.0.0.0', 'unspecified'],
    ['0.1.2.3', 'unspecified'],
    ['::', 'unspecified'],
    ['10.0.0.1', 'private'],
    ['172.16.0.1', 'private'],
    ['172.31.255.255', 'private'],
    ['192.168.1.1', 'private'],
    ['fd00:ec2::254', 'private'],
    ['fc00::1', 'private'],
    ['fec0::1', 'private'],
    ['169.254.169.254', 'link-local'],
    ['fe80::1', 'link-local'],
    ['fe80::1%eth0', 'link-local'],
    ['100.64.0.1', 'carrier-grade NAT'],
    ['100.127.255.255', 'carrier-grade NAT'],
    ['224.0.0.1', 'multicast'],
    ['239.255.255.255', 'multicast'],
    ['ff02::1', 'multicast'],
    ['::ffff:127.0.0.1', 'IPv4-mapped'],
    ['::ffff:8.8.8.8', 'IPv4-mapped'],
    ['::ffff:7f00:1', 'IPv4-mapped'],
    ['0:0:0:0:0:ffff:a00:1', 'IPv4-mapped'],
    ['64:ff9b::7f00:1', 'NAT64'],
    ['64:ff9b:1::1', 'NAT64'],
    ['2002:7f00:1::', '6to4'],
    ['192.0.2.1', 'documentation'],
    ['2001:db8::1', 'documentation'],
    ['198.18.0.1', 'reserved'],
    ['192.0.0.8', 'reserved'],
    ['240.0.0.1', 'reserved'],
    ['255.255.255.255', 'reserved'],
    ['::127.0.0.1', 'reserved'],
    ['2001::1', 'reserved'],
    ['4000::1', 'reserved'],
    ['localhost', 'not an address'],
    ['', 'not an address'],
    ['127.1', 'not an address'],
  ])('%s is %s', (address, rule) => {
    expect(addressRule(address)).toBe(rule);
  });

  it.each(['8.8.8.8', '1.1.1.1', '172.15.255.255', '172.32.0.1', '100.63.255.255', '100.128.0.1', '223.255.255.255'])(
    '%s is public',
    (address) => {
      expect(addressRule(address)).toBeNull();
    },
  );

  it.each(['2606:4700:4700::1111', '2a00:1450:4001::1', '2001:4860:4860::8888'])('%s is public', (address) => {
    expect(addressRule(address)).toBeNull();
  });
});

describe('isLoopbackUrl', () => {
  it.each([
    'http://127.0.0.1:80',
    'http://localhost:1',
    'http://hub.localhost',
    'http://[::1]:5000/x',
    'http://2130706433',
  ])('knows %s as this machine', (url) => {
    expect(isLoopbackUrl(url)).toBe(true);
  });

  it.each(['https://huggingface.co', 'http://127.0.0.1.example.com', 'http://10.0.0.1'])('does not know %s', (url) => {
    expect(isLoopbackUrl(url)).toBe(false);
  });
});

describe('bareHost', () => {
  it('drops brackets, the root dot and case', () => {
    expect(['[::1]', 'Example.COM.', 'a'].map(bareHost)).toEqual(['::1', 'example.com', 'a']);
  });
});
