import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Probot } from 'probot';
import { messageOf } from '../errors.ts';
import type { Logger } from '../log.ts';
import { BodyTooLarge, readBody, refuseBody, replyJson } from './http.ts';

/** GitHub caps payloads at 25 MB; so do we, before anything is verified or parsed. Bytes. */
export const MAX_WEBHOOK_BYTES = 25_000_000;

/**
 * One webhook delivery: size, then signature over the raw bytes, then Probot's handlers. Answers 202 once the delivery is kept;
 * a 5xx tells GitHub, and whoever redelivers, that it is not.
 */
export async function receiveWebhook(
  request: IncomingMessage,
  response: ServerResponse,
  probot: Probot,
  logger: Logger,
): Promise<void> {
  if (request.method !== 'POST') return replyJson(response, 405, { error: 'webhooks are posted' });
  let body: Buffer;
  try {
    body = await readBody(request, MAX_WEBHOOK_BYTES);
  } catch (error) {
    if (!(error instanceof BodyTooLarge)) throw error;
    return refuseBody(request, response, 413, { error: `payload over ${MAX_WEBHOOK_BYTES} bytes` });
  }
  const header = (name: string) => {
    const value = request.headers[name];
    return typeof value === 'string' ? value : '';
  };
  const [id, name, signature] = [header('x-github-delivery'), header('x-github-event'), header('x-hub-signature-256')];
  if (id === '' || name === '' || signature === '') {
    return replyJson(response, 400, {
      error: 'x-github-delivery, x-github-event and x-hub-signature-256 are required',
    });
  }
  const payload = body.toString('utf8');
  if (!(await probot.webhooks.verify(payload, signature).catch(() => false))) {
    logger.warn({ delivery: id.slice(0, 64) }, 'Webhook with a bad signature refused');
    return replyJson(response, 401, { error: 'signature does not match' });
  }
  try {
    await probot.webhooks.verifyAndReceive({ id, name, payload, signature });
  } catch (error) {
    const invalid = error instanceof Error && /JSON/.test(messageOf(error)) && !isJson(payload);
    logger.error({ delivery: id, event: name, error: messageOf(error) }, 'Webhook not handled');
    return replyJson(response, invalid ? 400 : 500, {
      error: invalid ? 'payload is not JSON' : 'not handled; deliver it again',
    });
  }
  replyJson(response, 202, { accepted: true });
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
