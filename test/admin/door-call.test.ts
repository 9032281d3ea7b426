/** The door tells of its calls as they were answered: who, which method, about what, and how it ended. */
import { request } from 'node:http';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import type { ManagementPorts } from '../../src/admin/answer.ts';
import type { DoorCall } from '../../src/admin/door-call.ts';
import { createManagementDoor } from '../../src/admin/management-door.ts';
import { temporaryFolder } from '../identity/temporary-folder.ts';

/** A control plane that has only just begun to read its mesh. */
const youngPorts: ManagementPorts = {
  nowMs: () => 0,
  view: () => ({
    ...{ ready: false, snapshot: undefined, xds: '', clients: [] },
    certificateOf: () => undefined,
  }),
  wholeSnapshot: () => undefined,
  rotations: () => undefined,
  confirmLoss: () => ({ kind: 'unknown', message: 'no loss is held', advice: 'none' }),
  drills: () => undefined,
  evidence: () => undefined,
  proxies: () => undefined,
  workloads: '',
};

function post(socketPath: string, path: string, body: string, type = 'application/json'): Promise<void> {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': type };
    const call = request({ socketPath, path, method: 'POST', headers }, (response) =>
      response.resume().on('end', resolve),
    );
    call.on('error', reject).end(body);
  });
}

test('each call is told before it is answered, and what it was about where its body was read', async () => {
  const calls: DoorCall[] = [];
  const ignored = () => undefined;
  const door = createManagementDoor(
    youngPorts,
    () => undefined,
    ignored,
    async (call) => void calls.push(call),
  );
  onTestFinished(() => door.close());
  const socket = await door.listenOnSocket(join(await temporaryFolder(), 'admin.sock'));
  await post(socket, '/v1/rotateIntermediate', '{"tenant":"shop","abort":false}');
  await post(socket, '/v1/confirmLoss', '{"loss":"0123"}');
  await post(socket, '/v1/confirmLoss', '{"loss":');
  await post(socket, '/v1/noSuchMethod', '{"tenant":"shop"}');
  await post(socket, '/v1/status', '{}', 'text/plain');
  const caller = { kind: 'owner' };
  expect(calls).toEqual([
    { caller, method: 'rotateIntermediate', about: 'shop', status: 503 },
    { caller, method: 'confirmLoss', about: '0123', status: 409 },
    { caller, method: 'confirmLoss', about: '', status: 400 },
    { caller, method: '', about: '', status: 404 },
    { caller, method: '', about: '', status: 415 },
  ]);
});
