import { readdir, readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { canonicalJson } from '../../../src/image/canonical-json.ts';
import { sha256Hex } from '../../../src/image/hash.ts';
import { ASSEMBLER_FORMAT } from '../../../src/image/inputs.ts';
import { baseLicenses } from '../../../src/licensing/base-licenses.ts';
import { HUB_LICENSES } from '../../../src/licensing/hub-licenses.ts';
import { obligationMeaning, obligationsOf } from '../../../src/licensing/obligations.ts';
import { LICENSES_DIRECTORY } from '../../../src/licensing/texts.ts';
import { REASON_MEANINGS } from '../../../src/policy/meanings.ts';

/** What images say that is in no input: texts, obligations, meanings. */
async function tables(): Promise<string> {
  const folder = new URL('texts/', LICENSES_DIRECTORY);
  const texts = await Promise.all(
    (await readdir(folder)).sort().map(async (name) => [name, sha256Hex(await readFile(new URL(name, folder)))]),
  );
  const obligations = HUB_LICENSES.map(({ id }) => [
    id,
    obligationsOf(id).map((obligation) => [obligation, obligationMeaning(obligation)]),
  ]);
  const nvidia = baseLicenses([{ env: ['CUDA_VERSION=1'], labels: {} }]);
  return sha256Hex(canonicalJson({ texts, obligations, meanings: REASON_MEANINGS, nvidia }));
}

// Equal inputs give equal bytes. When this fails because a text or a sentence changed, raise ASSEMBLER_FORMAT and take the new
// hash; when something was only added, the hash alone.
it('the tables that images quote are those of this assembler format', async () => {
  expect({ format: ASSEMBLER_FORMAT, tables: await tables() }).toEqual({
    format: 4,
    tables: '9f53ec19bbbb6e9c8fefa5e83501058db671bb8210abfc8e09b6d31964330ad9',
  });
});
