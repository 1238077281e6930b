/**
 * Writes `licenses/`: the full text of every licence that the Hub offers and SPDX has, verbatim from the `spdx-license-list` package,
 * and `index.json` with names, classes and obligations. Run it after raising that package; a test compares the two.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import spdxLicenses from 'spdx-license-list/full.js';
import { HUB_LICENSES } from '../src/licensing/hub-licenses.ts';
import { licenseIndex } from '../src/licensing/license-index.ts';
import { LICENSES_DIRECTORY } from '../src/licensing/texts.ts';

const names = new Map<string, string>();
await mkdir(new URL('texts/', LICENSES_DIRECTORY), { recursive: true });
for (const { spdx } of HUB_LICENSES) {
  if (spdx === null) continue;
  const license = spdxLicenses[spdx];
  if (license === undefined) throw new Error(`spdx-license-list has no ${spdx}: raise the package.`);
  names.set(spdx, license.name);
  await writeFile(new URL(`texts/${spdx}.txt`, LICENSES_DIRECTORY), license.licenseText);
}
const index = licenseIndex(names);
// Lists on one line, as the formatter wants them.
const json = JSON.stringify(index, null, 2).replace(
  /\[\s+("[^\]]*")\s+\]/g,
  (_, items: string) => `[${items.replace(/\s*\n\s*/g, ' ')}]`,
);
await writeFile(new URL('index.json', LICENSES_DIRECTORY), `${json}\n`);
process.stderr.write(`${names.size} texts, ${index.length} licences\n`);
