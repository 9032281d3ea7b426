/** Questions about drills, as they travel from a follower's door to the leader: see `drills-of-replicas.ts`. */
import { type AskLeader, answerHere, type DrillQuestion, type DrillTold } from '../admin/drills-of-replicas.ts';
import type { DrillEngine } from '../chaos/drill-engine.ts';
import type { Peers } from './open-peers.ts';

export function askLeader(peers: Pick<Peers, 'ask'>): AskLeader {
  return async (question) => {
    const told = await peers.ask(Buffer.from(JSON.stringify(question)));
    return told && (parsed(told) as DrillTold);
  };
}

export async function answerFollower(engine: DrillEngine, question: Uint8Array): Promise<Uint8Array> {
  return Buffer.from(JSON.stringify(await answerHere(engine, parsed(question) as DrillQuestion)));
}

function parsed(json: Uint8Array): unknown {
  return JSON.parse(Buffer.from(json).toString('utf8'));
}
