/** A GET at the management door: what a scraper asks for, and nothing else. */
import type { IncomingMessage } from 'node:http';
import type { Caller } from './methods.ts';
import type { createScrapeAnswers, Scraped } from './metrics.ts';
import { fromPage, noPerson, pageRefused, problem, type Reply } from './reply.ts';

/** What log and evidence call a scrape. */
const method = 'scrape';

const statusOf: Readonly<Record<Exclude<Scraped['kind'], 'scraped'>, number>> = {
  role: 403,
  'not-found': 404,
  'not-ready': 503,
  unreachable: 502,
  busy: 503,
};

export async function metricsReply(
  scrape: ReturnType<typeof createScrapeAnswers>,
  request: IncomingMessage,
  caller: Caller | undefined,
): Promise<Reply> {
  if (caller === undefined) return noPerson;
  if (fromPage(request.headers)) return pageRefused;
  const scraped = await scrape(request.url ?? '', caller, doorOf(request));
  if (scraped === undefined) {
    return problem(
      404,
      'no-method',
      'there is nothing to get here',
      'GET `/metrics`, `/metrics/targets`, or POST to `/v1/…`',
    );
  }
  const { kind } = scraped;
  if (kind !== 'scraped') return problem(statusOf[kind], kind, scraped.message, scraped.advice, method);
  const { contentType, body } = scraped;
  return { status: 200, contentType, body, method, routine: true };
}

/** As the scraper calls this door, so that it finds it again; its address where that is no name. */
function doorOf({ headers, socket }: IncomingMessage): string {
  const { host = '' } = headers;
  if (/^(?:[a-zA-Z0-9.-]{1,253}|\[[0-9a-fA-F:.]{2,45}\])(?::\d{1,5})?$/.test(host)) return host;
  const { localAddress = '', localPort = 0 } = socket;
  return localAddress.includes(':') ? `[${localAddress}]:${localPort}` : `${localAddress}:${localPort}`;
}
