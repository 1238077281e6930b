import { createHmac, randomUUID } from 'node:crypto';
import type { Json } from './http.ts';

export interface Delivery {
  id: number;
  /** X-GitHub-Delivery: the same when delivered again. */
  guid: string;
  event: string;
  action: string | null;
  body: string;
  signature: string;
  deliveredAt: string;
  redelivery: boolean;
  /** null while under way or when nobody answered. */
  status: number | null;
}

export interface Webhooks {
  deliveries: Delivery[];
  setTarget(url: string | null): void;
  /** Sends when the App subscribes to the event; with no target it is recorded, undelivered. */
  send(event: string, payload: Json): Delivery | null;
  /** The same body and signature again; `guid` defaults to the original's, as GitHub does it. */
  redeliver(id: number, guid?: string): Promise<Delivery>;
  /** Resolves when every delivery has been answered, failed, or timed out. */
  settled(): Promise<void>;
}

/** GitHub gives up on a delivery after ten seconds and never repeats it on its own. */
const TIMEOUT_MS = 10_000;

export function createWebhooks(secret: string, events: readonly string[], target: string | null): Webhooks {
  const deliveries: Delivery[] = [];
  const underWay = new Set<Promise<void>>();
  let url = target;

  async function deliver(delivery: Delivery): Promise<void> {
    if (url === null) return;
    try {
      const response = await fetch(url, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          'user-agent': 'GitHub-Hookshot/stand-in',
          'x-github-event': delivery.event,
          'x-github-delivery': delivery.guid,
          'x-hub-signature-256': delivery.signature,
        },
        body: delivery.body,
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
      await response.arrayBuffer();
      delivery.status = response.status;
    } catch {
      delivery.status = null;
    }
  }

  function start(delivery: Delivery): Promise<void> {
    deliveries.push(delivery);
    const done: Promise<void> = deliver(delivery).finally(() => underWay.delete(done));
    underWay.add(done);
    return done;
  }

  return {
    deliveries,
    setTarget(next) {
      url = next;
    },
    send(event, payload) {
      if (!events.includes(event)) return null;
      const body = JSON.stringify(payload);
      const delivery: Delivery = {
        id: deliveries.length + 1,
        guid: randomUUID(),
        event,
        action: typeof payload.action === 'string' ? payload.action : null,
        body,
        signature: `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`,
        deliveredAt: new Date().toISOString(),
        redelivery: false,
        status: null,
      };
      void start(delivery);
      return delivery;
    },
    async redeliver(id, guid) {
      const original = deliveries.find((delivery) => delivery.id === id);
      if (original === undefined) throw new Error(`no delivery ${id}`);
      const again: Delivery = {
        ...original,
        id: deliveries.length + 1,
        guid: guid ?? original.guid,
        deliveredAt: new Date().toISOString(),
        redelivery: true,
        status: null,
      };
      await start(again);
      return again;
    },
    async settled() {
      while (underWay.size > 0) await Promise.all(underWay);
    },
  };
}
