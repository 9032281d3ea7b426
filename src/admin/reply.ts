/** What the management door answers, written out: JSON for people and their tools, text for scrapers. */

export interface Reply {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
  /** What log and evidence call it; '' where nothing was called. */
  readonly method: string;
  /** Name of what the call was about; absent where it was refused unread. */
  readonly about?: string;
  /** A machine that reads numbers every few seconds: no act of anybody, and nobody is told of it. */
  readonly routine?: true;
}

export function json(status: number, value: unknown, method: string): Reply {
  return { status, contentType: 'application/json', body: `${JSON.stringify(value)}\n`, method };
}

export function problem(status: number, code: string, message: string, advice: string, method = ''): Reply {
  return json(status, { code, message, advice }, method);
}

export const noPerson = problem(
  401,
  'no-person',
  'the certificate names no person of this mesh, or has ended',
  'ask for one: `coffre admin issue`',
);

export const internalError = problem(500, 'internal', 'the control plane could not answer', 'look at its log');

/** A browser presents a certificate that it holds for whatever page asks: what a page sends is marked by the browser. */
export function fromPage(headers: { readonly [name: string]: string | readonly string[] | undefined }): boolean {
  const { origin, 'sec-fetch-site': site = 'none' } = headers;
  return origin !== undefined || site !== 'none';
}

export const pageRefused = problem(
  403,
  'browser',
  'a page in a browser asks, and none may',
  'ask with `coffre`, or with curl',
);
