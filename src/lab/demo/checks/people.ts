/** People, by the tokens they bear: each tenant believes its own provider, and no other's word for anybody. */
import type { DecisionRecord } from '../../../authz/observer.ts';
import { type DemoPlace, judge, type Theme } from '../check.ts';
import { coffreLine } from '../coffre-command.ts';
import { inPod, type PodCommand } from '../command.ts';
import { type CurlAnswer, parseCurl } from '../curl-answer.ts';
import type { DemoContext } from '../demo-context.ts';
import { explanationOf } from '../explanation.ts';
import type { DemoTenant } from '../identity-providers.ts';
import { readJsonLines } from '../json-lines.ts';
import { until } from '../until.ts';

const rule = 'access-policy/atelier/people/allow/0';

/** Longest wait for the worker's record of a decision, in ms. */
const recordMs = 3_000;

export const people: Theme = {
  title: 'People, by their tokens',
  checks: [
    {
      id: 'token-own',
      what: "api asks web for Ada's inbox, with the token that atelier's identity provider gave her",
      want: '200, let in by the rule that asks for a token',
      command: (place) => [ask('atelier', headerOf('atelier', place))],
      run: async (context) => {
        const { answer, arrived } = await tryInbox(context, headerOf('atelier', context.place));
        const record = await recordOf(context, answer);
        const allowedBy = record.verdict === 'allow' ? record.rule : `nobody: ${record.verdict}`;
        return judge(`${answer.status}, web saw ${arrived} request; allowed by ${allowedBy}`, {
          'the answer is 200': answer.status === 200,
          'web saw it': arrived === 1,
          'the rule let it in': allowedBy === rule,
        });
      },
    },
    {
      id: 'token-neighbour',
      what: "with a token in Ada's very name, which notaire's identity provider signed",
      want: "403 with the reason, and its id leads to what would help; at notaire's own web the token is good",
      command: (place) => [
        ask('atelier', headerOf('notaire', place)),
        coffreLine(['explain', 'ID', '--state', place.state]),
        ask('notaire', headerOf('notaire', place)),
      ],
      run: async (context) => {
        const header = headerOf('notaire', context.place);
        const { answer, arrived } = await tryInbox(context, header);
        const reason = reasonIn(answer);
        const { cure } = await explanationOf(context, decisionIn(answer), 'none');
        const atHome = parseCurl((await context.exec(ask('notaire', header))).stdout).status;
        return judge(`${answer.status}: ${reason}; explained: ${cure.instead}; at notaire's own web ${atHome}`, {
          'the answer is 403': answer.status === 403,
          'web saw nothing': arrived === 0,
          'it was refused for its issuer': /no identity provider of this tenant has the issuer/.test(reason),
          'the explanation names the provider that is believed': cure.instead.includes('login.atelier.example'),
          'at home it is good': atHome === 200,
        });
      },
    },
    {
      id: 'token-missing',
      what: 'without any token',
      want: '403 with the reason, nothing at web',
      command: () => [ask('atelier')],
      run: async (context) => {
        const { answer, arrived } = await tryInbox(context);
        const record = await recordOf(context, answer);
        const code = record.verdict === 'deny' ? record.reason : record.verdict;
        return judge(`${answer.status}, ${code}: ${reasonIn(answer)}`, {
          'the answer is 403': answer.status === 403,
          'web saw nothing': arrived === 0,
          'the worker recorded why': code === 'token-missing',
        });
      },
    },
  ],
};

function headerOf(tenant: DemoTenant, place: DemoPlace): string {
  return `${place.people}/${tenant}.header`;
}

/** @param header file with the header that shows a token. */
function ask(tenant: DemoTenant, header?: string): PodCommand {
  const token = header === undefined ? [] : ['-H', `@${header}`];
  return inPod(`${tenant}/api-1`, 'curl', '-si', '-m', '5', ...token, 'http://web/inbox/ada');
}

/** At atelier's web. @returns with the answer, how many requests web saw. */
async function tryInbox(context: DemoContext, header?: string) {
  await context.signIn();
  const { result, sightings } = await context.reached(context.watched('atelier/web-1'), () =>
    context.exec(ask('atelier', header)),
  );
  return { answer: parseCurl(result.stdout), arrived: sightings.filter(({ kind }) => kind === 'request').length };
}

function decisionIn(answer: CurlAnswer): string {
  return answer.header('x-coffre-decision') ?? '';
}

/** What a worker tells a caller of the same tenant; empty where nothing was told. */
function reasonIn({ body }: CurlAnswer): string {
  return body.startsWith('{') ? (JSON.parse(body).reason ?? '') : '';
}

/** The worker writes it beside its answer, not before. */
function recordOf({ mesh }: DemoContext, answer: CurlAnswer): Promise<DecisionRecord> {
  const decision = decisionIn(answer);
  return until(`the record of the decision \`${decision}\``, recordMs, () =>
    readJsonLines<DecisionRecord>(mesh.decisionsPath).find(({ id }) => id === decision),
  );
}
