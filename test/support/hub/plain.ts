import { createHash } from 'node:crypto';
import { createServer } from 'node:http';

export interface PlainHub {
  url: string;
  close(): Promise<void>;
}

/**
 * A Hub as a mirror of few words gives it: one model, the fields nobody asked for instead of the ones that were, a file list in one
 * piece without security or commits, content at once without redirects, ETags or error codes.
 */
export async function startPlainHub(id: string, files: Record<string, string>): Promise<PlainHub> {
  const sha = createHash('sha1').update(JSON.stringify(files)).digest('hex');
  const entries = Object.entries(files).map(([path, text]) => ({ path, content: Buffer.from(text) }));
  const info = {
    _id: '0123456789abcdef01234567',
    id,
    modelId: id,
    author: id.split('/')[0],
    sha,
    lastModified: '2025-05-05T05:05:05.000Z',
    private: false,
    gated: false,
    disabled: false,
    library_name: 'transformers',
    'model-index': null,
    spaces: [],
    widgetData: [{ text: 'Hello' }],
    tags: ['safetensors', 'license:mit', 'region:us'],
    cardData: { license: 'mit', language: ['en'], datasets: ['a/b'] },
    config: { architectures: ['LlamaForCausalLM'], tokenizer_config: { eos_token: { content: '</s>' } } },
    transformersInfo: { auto_model: 'AutoModelForCausalLM' },
    safetensors: { parameters: { BF16: 8 }, total: 8 },
    siblings: entries.map(({ path }) => ({ rfilename: path })),
  };
  const tree = entries.map(({ path, content }) => ({
    type: 'file',
    size: content.length,
    path,
    ...hashes(path, content),
  }));
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://hub');
    const json = (value: unknown) =>
      void response.setHeader('content-type', 'application/json').end(JSON.stringify(value));
    const at = (revision: string) => [`main`, sha].includes(revision);
    const [, revision = ''] = new RegExp(`^/api/models/${id}/revision/([^/]+)$`).exec(pathname) ?? [];
    if (at(revision)) return json(info);
    const [, listed = ''] = new RegExp(`^/api/models/${id}/tree/([^/]+)$`).exec(pathname) ?? [];
    if (at(listed)) return json(tree);
    const [, resolved = '', path = ''] = new RegExp(`^/${id}/resolve/([^/]+)/(.+)$`).exec(pathname) ?? [];
    const file = entries.find((entry) => entry.path === decodeURIComponent(path));
    if (at(resolved) && file !== undefined) return void response.writeHead(200).end(file.content);
    return void response.writeHead(404).end('Not Found');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('The server has no port');
  return {
    url: `http://127.0.0.1:${address.port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** In LFS there is a pointer's oid too, but some mirrors give only what they serve by. */
function hashes(path: string, content: Buffer) {
  const git = createHash('sha1').update(`blob ${content.length}\0`).update(content).digest('hex');
  if (!path.endsWith('.safetensors')) return { oid: git };
  const oid = createHash('sha256').update(content).digest('hex');
  return { oid: git, lfs: { oid, size: content.length } };
}
