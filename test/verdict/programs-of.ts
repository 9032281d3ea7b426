/** What a worker holds of a mesh, as it came over the wire. */
import { create } from '@bufbuild/protobuf';
import { type Any, AnySchema, anyPack } from '@bufbuild/protobuf/wkt';
import { PolicyProgramSchema } from '#gen/coffre/policy/v1/program_pb.js';
import { SecretSchema } from '#gen/envoy/extensions/transport_sockets/tls/v3/secret_pb.js';
import type { Snapshot } from '../../src/model/snapshot.ts';
import { type Program, programOf, readProgram } from '../../src/policy/program.ts';
import { viewOf } from '../../src/policy/view.ts';
import { workerIdentitySecret } from '../../src/verdict/knowledge.ts';

export interface SentResource {
  readonly name: string;
  readonly version: string;
  readonly resource: Any;
}

export function programsOf(snapshot: Snapshot): readonly Program[] {
  return programMessages(snapshot).map((message) => {
    const read = readProgram(message);
    if (read.kind === 'refused') throw new Error(read.why);
    return read.program;
  });
}

export function programResources(snapshot: Snapshot, version: string): readonly SentResource[] {
  return programMessages(snapshot).map((message) => ({
    name: message.workload,
    version,
    resource: anyPack(PolicyProgramSchema, message),
  }));
}

export function identityResource(certificateChainPem: string, privateKeyPem: string): SentResource {
  const inline = (text: string) => ({ specifier: { case: 'inlineString' as const, value: text } });
  const value = { certificateChain: inline(certificateChainPem), privateKey: inline(privateKeyPem) };
  const secret = create(SecretSchema, { name: workerIdentitySecret, type: { case: 'tlsCertificate', value } });
  return { name: workerIdentitySecret, version: certificateChainPem, resource: anyPack(SecretSchema, secret) };
}

/** A program under a workload's name that nobody can read. */
export function unreadableProgram(name: string): SentResource {
  const resource = create(AnySchema, { typeUrl: `type.googleapis.com/${PolicyProgramSchema.typeName}` });
  return { name, version: 'unreadable', resource };
}

function programMessages(snapshot: Snapshot) {
  return [...snapshot.workloads.values()].map((workload) => programOf(viewOf(snapshot, workload, 0)));
}
