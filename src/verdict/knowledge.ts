/**
 * All that a worker knows: the programs it judges by and the certificate it serves with, both from the control plane.
 *
 *   Holdings (xDS) ──▶ Knowledge ──▶ KnowledgeRecord (JSON, sealed on disk) ──▶ Knowledge
 *
 * A record is read back through the same decoding as a response, so that the disk is trusted no more than the wire.
 */
import { create } from '@bufbuild/protobuf';
import { type Any, AnySchema, anyUnpack } from '@bufbuild/protobuf/wkt';
import { PolicyProgramSchema } from '#gen/coffre/policy/v1/program_pb.js';
import { SecretSchema } from '#gen/envoy/extensions/transport_sockets/tls/v3/secret_pb.js';
import { type Program, readProgram } from '../policy/program.ts';
import type { Decode, Decoded, Held, Holdings } from '../xds/delta-holdings.ts';
import type { ProgramBook } from './program-book.ts';

/** Name of the SDS secret that a worker serves with. */
export const workerIdentitySecret = 'identity';

export const secretTypeUrl = `type.googleapis.com/${SecretSchema.typeName}`;

export interface ServingIdentity {
  readonly certificateChainPem: string;
  readonly privateKeyPem: string;
}

export interface Knowledge {
  readonly programs: Holdings<Program>;
  readonly identities: Holdings<ServingIdentity>;
  /** Epoch ms at which the control plane last vouched for it. */
  readonly confirmedAtMs: number;
}

export function decodeProgram(any: Any, name: string): Decoded<Program> {
  const message = unpack(any, PolicyProgramSchema);
  if (message === undefined) return { kind: 'refused', why: 'it is no policy program' };
  const read = readProgram(message);
  if (read.kind === 'refused') return read;
  const { workload } = read.program;
  if (workload !== name) return { kind: 'refused', why: `it speaks for another workload, \`${workload}\`` };
  return { kind: 'ok', value: read.program };
}

export function decodeIdentity(any: Any): Decoded<ServingIdentity> {
  const message = unpack(any, SecretSchema);
  if (message?.type.case !== 'tlsCertificate') return { kind: 'refused', why: 'it is no TLS certificate' };
  const { certificateChain, privateKey } = message.type.value;
  if (certificateChain?.specifier.case !== 'inlineString' || privateKey?.specifier.case !== 'inlineString') {
    return { kind: 'refused', why: 'its certificate and key are not inline' };
  }
  const value = { certificateChainPem: certificateChain.specifier.value, privateKeyPem: privateKey.specifier.value };
  return { kind: 'ok', value };
}

export function bookOf({ programs, confirmedAtMs }: Knowledge): ProgramBook | undefined {
  if (programs.revision === '') return undefined;
  const byWorkload = new Map([...programs.held.values()].map(({ value }) => [value.workload, value]));
  return { programs: byWorkload, revision: programs.revision, confirmedAtMs };
}

/** Grows with every change of its form that a former worker would misread. */
const recordVersion = 1;

/** What is sealed on disk. Bytes are base64. */
interface KnowledgeRecord {
  readonly version: typeof recordVersion;
  readonly confirmedAtMs: number;
  readonly programs: HoldingsRecord;
  readonly identities: HoldingsRecord;
}

interface HoldingsRecord {
  readonly revision: string;
  readonly held: readonly {
    readonly name: string;
    readonly version: string;
    readonly typeUrl: string;
    readonly value: string;
  }[];
}

export function toRecord({ programs, identities, confirmedAtMs }: Knowledge): KnowledgeRecord {
  return {
    version: recordVersion,
    confirmedAtMs,
    programs: writeHoldings(programs),
    identities: writeHoldings(identities),
  };
}

/** @param record unsealed, so written by a worker, perhaps of another version. @returns undefined if it is not whole. */
export function fromRecord(record: unknown): Knowledge | undefined {
  const { version, confirmedAtMs, programs, identities } = (record ?? {}) as Partial<KnowledgeRecord>;
  if (version !== recordVersion) return undefined;
  const readPrograms = readHoldings(programs, decodeProgram);
  const readIdentities = readHoldings(identities, decodeIdentity);
  if (typeof confirmedAtMs !== 'number' || readPrograms === undefined || readIdentities === undefined) return undefined;
  return { confirmedAtMs, programs: readPrograms, identities: readIdentities };
}

function writeHoldings<T>({ revision, held }: Holdings<T>): HoldingsRecord {
  return {
    revision,
    held: [...held].map(([name, { version, any }]) => ({
      name,
      version,
      typeUrl: any.typeUrl,
      value: Buffer.from(any.value).toString('base64'),
    })),
  };
}

function readHoldings<T>(record: HoldingsRecord | undefined, decode: Decode<T>): Holdings<T> | undefined {
  if (record === undefined) return undefined;
  const held = new Map<string, Held<T>>();
  for (const { name, version, typeUrl, value } of record.held) {
    const any = create(AnySchema, { typeUrl, value: new Uint8Array(Buffer.from(value, 'base64')) });
    const decoded = decode(any, name);
    if (decoded.kind === 'refused') return undefined;
    held.set(name, { version, value: decoded.value, any });
  }
  return { revision: record.revision, held };
}

function unpack<D extends typeof PolicyProgramSchema | typeof SecretSchema>(any: Any, schema: D) {
  try {
    return anyUnpack(any, schema) ?? undefined;
  } catch {
    return undefined; // bytes that are not what their type URL says
  }
}
