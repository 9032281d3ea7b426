/** A rule inside the vault: nobody calls /admin, however the path is spelled. */
import { api } from '../addresses.ts';
import { type Check, judge, type Theme } from '../check.ts';
import { inPod } from '../command.ts';
import { parseCurl } from '../curl-answer.ts';

export const policy: Theme = {
  title: 'Rules inside a vault',
  checks: [
    denied('policy-admin', 'web calls /admin, which a rule denies', '/admin'),
    denied('policy-admin-detour', 'the same by a detour, /a/../admin', '/a/../admin'),
  ],
};

const rule = 'access-policy/atelier/no-admin/deny/0';

function denied(id: string, what: string, path: string): Check {
  const command = inPod('atelier/web-1', 'curl', '-si', '--path-as-is', `http://api${path}`);
  return {
    id,
    what,
    want: '403 with a decision id, and the log names the rule',
    command: () => [command],
    run: async (context) => {
      const log = context.accessLog(api.key);
      const { result, sightings } = await context.reached(context.watched(api.key), () => context.exec(command));
      const answer = parseCurl(result.stdout);
      const decision = answer.header('x-coffre-decision');
      const line = await log.next('the refusal', (logged) => logged.decision === decision);
      return judge(`${answer.status}, decision ${decision?.slice(0, 8)}…; logged ${line.details}`, {
        'the answer is 403': answer.status === 403,
        'it carries a decision id': decision !== undefined,
        'the log names the rule': line.details?.includes(`[${rule}]`) === true,
        'the application saw nothing': sightings.length === 0,
      });
    },
  };
}
