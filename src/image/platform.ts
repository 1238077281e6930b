import type { Platform } from '../registry/types.ts';

/** `os/arch[/variant]` as values. */
export function parsePlatform(text: string): Platform {
  const [os = '', architecture = '', variant] = text.split('/');
  return { os, architecture, ...(variant === undefined ? {} : { variant }) };
}

export function formatPlatform({ os, architecture, variant }: Platform): string {
  return variant === undefined || variant === '' ? `${os}/${architecture}` : `${os}/${architecture}/${variant}`;
}

/** Whether an image for `offered` serves a request for `wanted`; arm64 without a variant means v8, as in containerd. */
export function platformMatches(wanted: Platform, offered: Platform): boolean {
  const variantOf = (platform: Platform) =>
    platform.variant || (platform.architecture === 'arm64' ? 'v8' : platform.architecture === 'arm' ? 'v7' : '');
  return (
    wanted.os === offered.os && wanted.architecture === offered.architecture && variantOf(wanted) === variantOf(offered)
  );
}
