/** The control row: if the attacks could harm nobody, their failure above would prove nothing. */
import { judge, type Theme } from '../check.ts';
import { permissive, startPermissivePod } from '../permissive-pod.ts';
import { plaintextAttack, plaintextRequest } from '../plaintext-attack.ts';

const command = plaintextRequest(permissive.address, permissive.port);

export const control: Theme = {
  title: 'Can the attack succeed at all?',
  checks: [
    {
      id: 'control-turns-red',
      what: 'the same plaintext attack on a permissive Envoy',
      want: 'the check of `plaintext-refused` fails there',
      command: () => [command],
      run: async (context) => {
        const target = await startPermissivePod(context.mesh.lab);
        const outcome = await plaintextAttack(context, target, command);
        const served = target.app.requests().some(({ path }) => path === '/documents/1');
        return judge(`that check says ${outcome.kind}: ${outcome.got}`, {
          'it turned red': outcome.kind === 'fail',
          'the attacker was served': served,
        });
      },
    },
  ],
};
