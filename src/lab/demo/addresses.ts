/** Addresses of deploy/demo that the checks dial. */
export const api = {
  key: 'atelier/api-1',
  pod: { ipv4: '10.99.1.2', ipv6: 'fd99::1:2' },
  service: { ipv4: '10.96.1.2', ipv6: 'fd96::1:2' },
  port: 8080,
} as const;

export const database = {
  key: 'atelier/db-1',
  pod: { ipv4: '10.99.1.3' },
  service: { ipv4: '10.96.1.3' },
  port: 5432,
} as const;

export const bus = { key: 'atelier/bus-1', port: 7000 } as const;

export const outsider = {
  key: 'outsider/passer-by',
  pod: { ipv4: '10.99.9.1', ipv6: 'fd99::9:1' },
  port: 8080,
} as const;

export const trustDomain = 'demo.coffre';

export const identities = {
  atelierWeb: `spiffe://${trustDomain}/ns/atelier/sa/web`,
  notaireWeb: `spiffe://${trustDomain}/ns/notaire/sa/web`,
} as const;
