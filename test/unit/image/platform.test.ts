import { describe, expect, it } from 'vitest';
import { formatPlatform, parsePlatform, platformMatches } from '../../../src/image/platform.ts';

describe('platforms', () => {
  it.each(['linux/amd64', 'linux/arm64/v8', 'windows/amd64'])('%s reads and writes the same', (text) => {
    expect(formatPlatform(parsePlatform(text))).toBe(text);
  });

  it('writes an empty variant as none', () => {
    expect(formatPlatform({ os: 'linux', architecture: 'amd64', variant: '' })).toBe('linux/amd64');
  });

  it.each([
    ['linux/amd64', 'linux/amd64', true],
    ['linux/arm64', 'linux/arm64/v8', true],
    ['linux/arm64/v8', 'linux/arm64', true],
    ['linux/arm64', 'linux/arm64/v9', false],
    ['linux/arm', 'linux/arm/v7', true],
    ['linux/arm', 'linux/arm/v6', false],
    ['linux/amd64', 'linux/amd64/v3', false],
    ['linux/amd64', 'linux/arm64', false],
    ['linux/amd64', 'windows/amd64', false],
    ['linux/amd64', 'unknown/unknown', false],
  ])('%s is served by %s: %s', (wanted, offered, matches) => {
    expect(platformMatches(parsePlatform(wanted), parsePlatform(offered))).toBe(matches);
  });

  it('takes an empty variant for none, as some registries write it', () => {
    const bare = { os: 'linux', architecture: 'amd64', variant: '' };
    expect(platformMatches(parsePlatform('linux/amd64'), bare)).toBe(true);
    expect(platformMatches(parsePlatform('linux/arm64'), { ...bare, architecture: 'arm64' })).toBe(true);
  });
});
