import { describe, expect, it } from 'vitest';
import { readBytes, readJson, readText } from '../../../src/http/body.ts';

const options = { maxBytes: 10, what: 'the answer', code: 'hub-unavailable' } as const;

function streaming(chunks: (string | Error)[], onCancel: () => void = () => {}): Response {
  const rest = [...chunks];
  const body = new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        const next = rest.shift();
        if (next === undefined) controller.close();
        else if (next instanceof Error) controller.error(next);
        else controller.enqueue(Buffer.from(next));
      },
      cancel: onCancel,
    },
    { highWaterMark: 0 },
  );
  return new Response(body);
}

describe('bodies', () => {
  it('are read whole up to the limit', async () => {
    expect(await readText(streaming(['12345', '67890']), options)).toBe('1234567890');
    expect(await readJson(new Response('{"a":1}'), options)).toEqual({ a: 1 });
    expect(await readBytes(new Response(null), options)).toHaveLength(0);
  });

  it('are refused one byte over it, and cancelled', async () => {
    let cancelledBody = false;
    const response = streaming(['12345', '678901', 'x'], () => {
      cancelledBody = true;
    });
    await expect(readBytes(response, options)).rejects.toMatchObject({ code: 'too-large' });
    expect(cancelledBody).toBe(true);
  });

  it('are refused by their declared length before reading', async () => {
    const response = new Response('short', { headers: { 'content-length': '11' } });
    await expect(readBytes(response, options)).rejects.toThrow('the answer is over the limit of 10 bytes');
  });

  it('that break off say after how many bytes', async () => {
    const response = streaming(['1234', new Error('socket closed')]);
    await expect(readBytes(response, options)).rejects.toMatchObject({
      code: 'hub-unavailable',
      retryable: true,
      message: 'the answer broke off after 4 bytes: socket closed',
    });
  });

  it('that are not JSON are named by their type and not asked for again', async () => {
    const response = new Response('<html>', { headers: { 'content-type': 'text/html' } });
    await expect(readJson(response, options)).rejects.toMatchObject({
      code: 'hub-unavailable',
      retryable: false,
      message: 'the answer is not JSON but text/html',
    });
  });
});
