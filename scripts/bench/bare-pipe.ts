import { run } from '../../src/exec.ts';
import { type Measured, measure } from './measure.ts';
import type { Stage } from './stage.ts';

/** Takes a shard's address on its command line and moves it through `$HASH` into a blob. */
const ONE = `
set -euo pipefail
work=$(mktemp -d)
mkfifo "$work/copy"
location=$(curl -fsS -X POST -D - -o /dev/null "http://$REGISTRY/v2/pipe/blobs/uploads/" | tr -d '\\r' | sed -n 's/^[Ll]ocation: //p')
$HASH < "$work/copy" > "$work/digest" &
hashing=$!
next=$(curl -fsSL "$1" | tee "$work/copy" \\
  | curl -fsS -X PATCH -T - -H 'Content-Type: application/octet-stream' -H 'Expect:' -D - -o /dev/null "$location" \\
  | tr -d '\\r' | sed -n 's/^[Ll]ocation: //p')
wait $hashing
curl -fsS -X PUT "$next&digest=sha256:$(cut -d ' ' -f 1 "$work/digest")" -o /dev/null
rm -r "$work"
`;

/** Four at a time, as ours does it; or one after the other. */
const ALL = {
  parallel: `printf '%s\\n' "$@" | xargs -P 4 -I % bash -c "$ONE" one %`,
  sequential: `printf '%s\\n' "$@" | xargs -I % bash -c "$ONE" one %`,
};

/** How a shell hashes: coreutils as everybody has it, or OpenSSL, which uses the processor's instructions for it. */
const HASHES = { sha256sum: 'sha256sum', openssl: 'openssl dgst -sha256 -r' };

/** The barest thing that moves and hashes the same bytes: `curl | tee >(sha256sum) | curl` for each shard. No image comes of it. */
export async function barePipe(
  { hub, registry, folder, signal }: Stage,
  { order = 'parallel', hash = 'sha256sum' }: { order?: keyof typeof ALL; hash?: keyof typeof HASHES } = {},
): Promise<Measured> {
  const addresses = hub.shards.map(({ url }) => url);
  return measure(() =>
    run('bash', ['-euo', 'pipefail', '-c', ALL[order], 'pipe', ...addresses], {
      env: { ONE, REGISTRY: registry, HASH: HASHES[hash], TMPDIR: folder },
      signal,
    }),
  );
}
