/** Characters of the name; longer ones are cut. */
const MAX_NAME = 100;

/**
 * `LicenseRef-<name>` for a licence without an SPDX id. An idstring is letters, digits, `.` and `-` (SPDX 2.3, annex D), so each
 * `+` becomes `-plus` (`openrail++` → `LicenseRef-openrail-plus-plus`, apart from `openrail`) and any other run of characters
 * becomes one `-`. A name of which nothing is left is `unnamed`.
 */
export function licenseRef(name: string): string {
  const idstring = name
    .slice(0, 4 * MAX_NAME)
    .replaceAll('+', '-plus')
    .replace(/[^A-Za-z0-9.-]+/g, '-')
    .replace(/^-+/, '')
    .slice(0, MAX_NAME);
  // Not a regular expression: `-+$` takes quadratic time on a name of many dashes.
  let end = idstring.length;
  while (end > 0 && idstring[end - 1] === '-') end -= 1;
  return `LicenseRef-${idstring.slice(0, end) || 'unnamed'}`;
}
