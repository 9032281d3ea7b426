/** The adapter's HTTP side for a server in this process: paths of adapter.ts to one function each. */
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { AbsentAsk, Caller, Counters, Judgement, NodeReport, ServerDescription, State } from './adapter.ts';

export interface AdapterHandlers {
  description(): Promise<ServerDescription>;
  set(state: State): Promise<readonly string[]>;
  delete(node: string): Promise<void>;
  pass(ms: number): Promise<void>;
  report(node: string): Promise<NodeReport>;
  counters(node: string): Promise<Counters>;
  absentAsks(node: string): Promise<readonly AbsentAsk[]>;
  streamsKept(): Promise<number>;
  judge(node: string, judgement: Judgement): Promise<void>;
  replica(): Promise<string>;
  ready(): Promise<void>;
  callers(): Promise<readonly Caller[]>;
}

export async function serveAdapter(handlers: AdapterHandlers): Promise<{ readonly url: string; close(): void }> {
  const server = createServer(async (request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://adapter');
    const answer = await answerTo(handlers, pathname, searchParams.get('node') ?? '', await bodyOf(request)).catch(
      (cause: unknown) => cause,
    );
    if (answer === undefined) response.writeHead(404).end();
    else if (answer instanceof Error) response.writeHead(500).end(String(answer.stack));
    else response.end(JSON.stringify(answer));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}

/** @returns undefined for a path that is none of the adapter's. */
async function answerTo(handlers: AdapterHandlers, path: string, node: string, body: string): Promise<unknown> {
  switch (path) {
    case '/description':
      return handlers.description();
    case '/state':
      return { faults: await handlers.set(JSON.parse(body)) };
    case '/delete':
      return done(handlers.delete(JSON.parse(body).node));
    case '/pass':
      return done(handlers.pass(JSON.parse(body).ms));
    case '/report':
      return handlers.report(node);
    case '/counters':
      return handlers.counters(node);
    case '/absent-asks':
      return handlers.absentAsks(node);
    case '/kept':
      return { streams: await handlers.streamsKept() };
    case '/judge': {
      const { node: of, judgement } = JSON.parse(body);
      return done(handlers.judge(of, judgement));
    }
    case '/replica':
      return { address: await handlers.replica() };
    case '/ready':
      return done(handlers.ready());
    case '/callers':
      return handlers.callers();
    default:
      return undefined;
  }
}

async function done(work: Promise<void>): Promise<object> {
  await work;
  return {};
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}
