import { discard, type Place } from './connection.ts';
import { checkHop } from './hops.ts';
import { cancelSession, pushScope } from './sessions.ts';
import type { Descriptor, Digest, Reference } from './types.ts';

/** HEAD of a blob ("Checking if content exists in the registry"). */
export async function blobExists(place: Place, digest: Digest, signal?: AbortSignal): Promise<boolean> {
  const { connection, repository, name } = place;
  const what = `looking for blob ${digest} in ${name}`;
  return connection.retry(async () => {
    const { response, elsewhere } = await connection.follow({
      method: 'HEAD',
      url: connection.url(`${repository}/blobs/${digest}`),
      scopes: [`repository:${repository}:pull`],
      what,
      signal,
    });
    if (response.status === 404) return false;
    if (!response.ok) throw await connection.failure(response, what, elsewhere);
    await discard(response);
    return true;
  }, signal);
}

/** Cross-repository mount ("Mounting a blob from another repository"): true for 201; a session offered instead is cancelled. */
export async function mountBlob(
  place: Place,
  descriptor: Descriptor,
  from: Reference,
  signal?: AbortSignal,
): Promise<boolean> {
  const { connection, repository, name } = place;
  const what = `mounting ${descriptor.digest} from ${from.repository} into ${name}`;
  return connection.retry(async () => {
    const response = await connection.send({
      method: 'POST',
      url: connection.url(`${repository}/blobs/uploads/`, { mount: descriptor.digest, from: from.repository }),
      scopes: [pushScope(place), `repository:${from.repository}:pull`],
      what,
      signal,
    });
    if (response.status === 201) {
      await discard(response);
      return true;
    }
    if (response.status !== 202) throw await connection.failure(response, what);
    await discard(response);
    await cancelSession(place, checkHop(response.headers.get('location'), connection.url(''), connection.registry));
    return false;
  }, signal);
}
