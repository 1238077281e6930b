const UNITS: Readonly<Record<string, number>> = {
  B: 1,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
  PB: 1e15,
  KIB: 2 ** 10,
  MIB: 2 ** 20,
  GIB: 2 ** 30,
  TIB: 2 ** 40,
  PIB: 2 ** 50,
};

/** What `parseBytes` accepts, for messages. */
export const SIZE_EXAMPLES = '200GB (decimal), 512MiB (binary) or a number of bytes';

/** As a regular expression, for the JSON Schema. */
export const SIZE_PATTERN = '^[0-9]+(\\.[0-9]+)? ?([KkMmGgTtPp][Ii]?)?[Bb]?$';

/** Bytes of a size such as `200GB` (10⁹), `10GiB` (2³⁰) or `4096`; null when it is none, or not a safe integer above 0. */
export function parseBytes(size: string | number): number | null {
  if (typeof size === 'number') return usable(size);
  const match = /^(\d{1,20}(?:\.\d{1,6})?) ?([A-Za-z]{0,3})$/.exec(size);
  if (match === null) return null;
  const [, digits = '', unit = ''] = match;
  const factor = unit === '' ? 1 : UNITS[unit.toUpperCase()];
  if (factor === undefined || (factor === 1 && digits.includes('.'))) return null;
  return usable(Math.floor(Number((Number(digits) * factor).toFixed(3))));
}

function usable(bytes: number): number | null {
  return Number.isSafeInteger(bytes) && bytes > 0 ? bytes : null;
}
