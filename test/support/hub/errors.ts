import type { ServerResponse } from 'node:http';

/** The Hub's error answers: status, `X-Error-Code`, `X-Error-Message`, JSON body. */
export interface HubError {
  status: number;
  code: string | null;
  message: string;
}

export const errors = {
  badToken: { status: 401, code: null, message: 'Invalid credentials in Authorization header' },
  /** Missing and private look the same: to strangers like a wrong password, to others like nothing. */
  hidden: (authorised: boolean): HubError =>
    authorised
      ? { status: 404, code: 'RepoNotFound', message: 'Repository not found' }
      : { status: 401, code: null, message: 'Invalid username or password.' },
  gated: (id: string, authorised: boolean): HubError => ({
    status: authorised ? 403 : 401,
    code: 'GatedRepo',
    message: authorised
      ? `Access to model ${id} is restricted and you are not in the authorized list.`
      : `Access to model ${id} is restricted. You must have access to it and be authenticated to access it. Please log in.`,
  }),
  disabled: { status: 403, code: null, message: 'Access to this resource is disabled.' },
  noRevision: (revision: string): HubError => ({
    status: 404,
    code: 'RevisionNotFound',
    message: `Invalid rev id: ${revision}`,
  }),
  noEntry: (path: string): HubError => ({ status: 404, code: 'EntryNotFound', message: `${path} does not exist` }),
  badRequest: (message: string): HubError => ({ status: 400, code: null, message }),
  noRoute: { status: 404, code: null, message: "Sorry, we can't find the page you are looking for." },
} as const;

export function sendError(response: ServerResponse, error: HubError): void {
  response.setHeader('x-error-message', error.message);
  if (error.code !== null) response.setHeader('x-error-code', error.code);
  response.writeHead(error.status, { 'content-type': 'application/json; charset=utf-8' });
  response.end(JSON.stringify({ error: error.message }));
}
