import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Probot } from 'probot';
import { messageOf, PublisherError } from '../errors.ts';
import type { Logger } from '../log.ts';
import { reply, replyJson } from './http.ts';
import { formatMetrics, type Metric } from './metrics.ts';
import { receiveWebhook } from './webhooks.ts';

export const WEBHOOK_PATH = '/api/github/webhooks';
/** Milliseconds open requests get when the process stops. */
const CLOSE_MS = 1_000;

export interface WebOptions {
  host: string;
  port: number;
  probot: Probot;
  logger: Logger;
  metrics(): Promise<Metric[]>;
}

export interface Web {
  url: string;
  /** Takes no new connections, and waits a moment for open requests: a client that sends slowly cannot hold the process up. */
  close(): Promise<void>;
}

/**
 * The bot's HTTP side: webhooks, `/healthz`, `/metrics`.
 * @throws PublisherError `environment` when the address cannot be listened on
 */
export async function startWeb(options: WebOptions): Promise<Web> {
  const server = createServer({ headersTimeout: 15_000, requestTimeout: 60_000 }, (request, response) => {
    route(request, response, options).catch((error: unknown) => {
      options.logger.error({ path: request.url?.split('?')[0], error: messageOf(error) }, 'Request failed');
      if (response.headersSent) response.destroy();
      else replyJson(response, 500, { error: 'internal error' });
    });
  });
  const { address, family, port } = await listen(server, options);
  return {
    url: `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`,
    close: () =>
      new Promise((resolve) => {
        const timer = setTimeout(() => server.closeAllConnections(), CLOSE_MS);
        server.close(() => {
          clearTimeout(timer);
          resolve();
        });
        server.closeIdleConnections();
      }),
  };
}

async function route(
  request: IncomingMessage,
  response: ServerResponse,
  { probot, logger, metrics }: WebOptions,
): Promise<void> {
  const path = (request.url ?? '').split('?', 1)[0];
  if (path === WEBHOOK_PATH) return receiveWebhook(request, response, probot, logger);
  if (request.method !== 'GET' && request.method !== 'HEAD')
    return replyJson(response, 405, { error: 'method not allowed' });
  // Alive means that this process answers: whether GitHub, Hub or registries do is not its health.
  if (path === '/healthz') return replyJson(response, 200, { status: 'ok' });
  if (path === '/metrics')
    return reply(response, 200, 'text/plain; version=0.0.4; charset=utf-8', formatMetrics(await metrics()));
  return replyJson(response, 404, { error: 'not found' });
}

function listen(server: Server, { host, port }: WebOptions): Promise<AddressInfo> {
  return new Promise((resolve, reject) => {
    server.once('error', (error) =>
      reject(
        new PublisherError(
          'environment',
          `Cannot listen on ${host}:${port}: ${messageOf(error)}. Change HOST or PORT.`,
          { cause: error },
        ),
      ),
    );
    server.listen(port, host, () => {
      const address = server.address();
      if (address === null || typeof address === 'string')
        reject(new PublisherError('internal', 'No address to listen on.'));
      else resolve(address);
    });
  });
}
