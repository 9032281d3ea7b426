/** Messages of Envoy's access log, as real ones are: encoded by the generated code, and read by ours. */
import { create, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import type { HTTPAccessLogEntrySchema, TCPAccessLogEntrySchema } from '#gen/envoy/data/accesslog/v3/accesslog_pb.js';
import { StreamAccessLogsMessageSchema } from '#gen/envoy/service/accesslog/v3/als_pb.js';

export type HttpInit = MessageInitShape<typeof HTTPAccessLogEntrySchema>;
export type TcpInit = MessageInitShape<typeof TCPAccessLogEntrySchema>;
export type MessageInit = MessageInitShape<typeof StreamAccessLogsMessageSchema>;

export function address(host: string, port: number) {
  const portSpecifier = { case: 'portValue', value: port } as const;
  return { address: { case: 'socketAddress', value: { address: host, portSpecifier } } } as const;
}

/** @param uris as URI names of the peer's certificate. */
export function tls(sni: string, ...uris: readonly string[]) {
  const subjectAltName = uris.map((value) => ({ san: { case: 'uri', value } as const }));
  return { tlsSniHostname: sni, peerCertificateProperties: { subjectAltName } };
}

export function httpMessage(logName: string, ...logEntry: HttpInit[]) {
  return { identifier: { logName }, logEntries: { case: 'httpLogs', value: { logEntry } } } as const;
}

export function tcpMessage(logName: string, ...logEntry: TcpInit[]) {
  return { identifier: { logName }, logEntries: { case: 'tcpLogs', value: { logEntry } } } as const;
}

export function bytesOf(message: MessageInit): Uint8Array {
  return toBinary(StreamAccessLogsMessageSchema, create(StreamAccessLogsMessageSchema, message));
}
