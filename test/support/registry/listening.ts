import { once } from 'node:events';
import type { Server } from 'node:http';

/** Has a server listen on loopback; its port. */
export async function listen(server: Server, port: number): Promise<number> {
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the registry stand-in listens nowhere');
  return address.port;
}

/** Ends every connection and stops listening. */
export async function stop(server: Server): Promise<void> {
  const closed = once(server, 'close');
  server.close();
  server.closeAllConnections();
  await closed;
}
