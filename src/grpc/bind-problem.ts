/** Why a server could not take its address, in words for the person who starts it. */
export interface BindProblem {
  readonly kind: 'refused';
  readonly code: 'in-use' | 'forbidden' | 'no-such-address' | 'no-such-folder' | 'path-too-long' | 'other';
  readonly message: string;
  readonly advice: string;
}

/** @param text grpc-js's own message; it holds the system's error code and nothing better. */
export function bindProblem(address: string, text: string): BindProblem {
  const found = causes.find(({ pattern }) => pattern.test(text));
  return {
    kind: 'refused',
    code: found?.code ?? 'other',
    message: `cannot listen on \`${address}\`: ${found?.why ?? text}`,
    advice: found?.advice ?? 'check that the address is `host:port` or `unix:/absolute/path`',
  };
}

const causes = [
  {
    pattern: /EADDRINUSE/,
    code: 'in-use',
    why: 'another process listens there',
    advice: 'stop it, or choose another address',
  },
  {
    pattern: /EACCES|EPERM/,
    code: 'forbidden',
    why: 'this user may not',
    advice: 'choose a port above 1023, or a socket path in a folder that this user owns',
  },
  {
    pattern: /EADDRNOTAVAIL|ENOTFOUND|Name resolution failed/,
    code: 'no-such-address',
    why: 'this machine has no such address',
    advice: 'choose an address of one of its interfaces, or `0.0.0.0` for all',
  },
  { pattern: /ENOENT/, code: 'no-such-folder', why: 'its folder does not exist', advice: 'make the folder first' },
  {
    pattern: /EINVAL|ENAMETOOLONG/,
    code: 'path-too-long',
    why: 'the system does not take this socket path',
    advice: 'a Unix socket path has at most 107 bytes: choose a shorter one',
  },
] as const;
