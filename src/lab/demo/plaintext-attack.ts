/**
 * A stranger speaks plaintext to a pod's port. One attack, one judgement, two targets: a sidecar of the mesh, where
 * the judgement must be pass, and a deliberately permissive Envoy, where the same judgement must turn red.
 */

import { outsider } from './addresses.ts';
import { judge, type Outcome } from './check.ts';
import { inPod, type PodCommand } from './command.ts';
import { closedWithoutAnswer } from './curl-answer.ts';
import type { DemoContext, Watched } from './demo-context.ts';

/** `--http0.9`: whatever bytes come back are printed, even if they are no HTTP. */
export function plaintextRequest(address: string, port: number): PodCommand {
  return inPod(outsider.key, 'curl', '-si', '--http0.9', '-m', '5', `http://${address}:${port}/documents/1`);
}

export async function plaintextAttack(context: DemoContext, target: Watched, command: PodCommand): Promise<Outcome> {
  const { result, sightings } = await context.reached(target, () => context.exec(command));
  const bytes = Buffer.byteLength(result.stdout);
  const got = `${bytes} bytes, ${ending(result.code)}, application saw ${sightings.length || 'nothing'}`;
  return judge(got, {
    'no byte came back': bytes === 0,
    'the connection was closed on him': closedWithoutAnswer.has(result.code),
    'the application saw nothing': sightings.length === 0,
  });
}

function ending(code: number | null): string {
  return code === 0 ? 'answered' : (closedWithoutAnswer.get(code) ?? `curl ended with ${code}`);
}
