/** Text from outside as one short line of ASCII, for labels and manifests. @param max characters */
export function printable(text: string, max = 200): string {
  return text.replace(/[^\x20-\x7e]+/g, ' ').slice(0, max);
}
