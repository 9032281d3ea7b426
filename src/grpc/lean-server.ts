/**
 * A gRPC server for a few small methods that are called very often: HTTP/2 of our own (src/http2), and nothing of grpc-js but its
 * status codes.
 *
 *   createLeanServer ──addMethod──▶ bind ──rotate, drain──▶ … ──close──▶ 'drained' | 'forced'
 *
 * It has the door, the bounds and the end of the other server (grpc-server.ts), for less processor time a call:
 * bench/authz-bare.ts measures both. What it has not are interceptors, compression, and methods whose caller streams.
 */
import type { DescMethod } from '@bufbuild/protobuf';
import { type BindResult, type DoorOptions, openDoor, type RotationResult } from './door.ts';
import type { LeanMethod } from './lean-method.ts';
import { LeanSession } from './lean-session.ts';
import { connectionAgeMaxMs, messageWaitMs, receiveMessageBytesMax, sessionTickMs } from './limits.ts';
import type { TlsMaterial } from './tls-material.ts';

export interface LeanServerOptions extends DoorOptions {
  /** Age at which a connection is asked to leave, in ms; a tenth of jitter either way. */
  readonly connectionAgeMaxMs?: number;
  /** Longest body of a call, in bytes. */
  readonly bodyBytesMax?: number;
}

export interface LeanServer {
  addMethod(method: DescMethod, implementation: LeanMethod): void;
  bind(): Promise<BindResult>;
  rotate(tls: TlsMaterial): RotationResult;
  /** Asks every connected client to come back on a new connection; those still here after `graceMs` are cut. */
  drain(graceMs: number): void;
  /** Takes no new call, lets open ones end, and cuts what is left after `graceMs`. */
  close(graceMs: number): Promise<'drained' | 'forced'>;
}

/** @throws where the certificate and key do not fit: the caller made or read them just now. */
export function createLeanServer(options: LeanServerOptions): LeanServer {
  const methods = new Map<string, LeanMethod>();
  const bounds = { bodyBytesMax: options.bodyBytesMax ?? receiveMessageBytesMax, waitMs: messageWaitMs };
  const ageMaxMs = options.connectionAgeMaxMs ?? connectionAgeMaxMs;
  const sessions = new Set<LeanSession>();
  const door = openDoor(options, (socket) => {
    const session = new LeanSession(socket, methods, bounds, ageMaxMs * (0.9 + Math.random() / 5));
    sessions.add(session);
    session.onceClosed(() => sessions.delete(session));
  });
  const ticking = setInterval(() => {
    for (const session of sessions) session.tick();
  }, sessionTickMs);
  ticking.unref();

  const leaveIn = (graceMs: number): void => {
    const asked = [...sessions];
    for (const session of asked) session.leave();
    setTimeout(() => {
      for (const session of asked) session.cut();
    }, graceMs).unref();
  };

  return {
    addMethod(method, implementation) {
      methods.set(`/${method.parent.typeName}/${method.name}`, implementation);
    },

    bind: () => door.bind(),

    rotate: (tls) => door.rotate(tls),

    drain: leaveIn,

    close(graceMs) {
      clearInterval(ticking);
      return new Promise((resolve) => {
        const timer = setTimeout(() => {
          for (const session of sessions) session.cut();
          resolve('forced');
        }, graceMs);
        for (const session of sessions) session.leave();
        void door.close().then(() => {
          clearTimeout(timer);
          resolve('drained');
        });
      });
    },
  };
}
