/**
 * The ext_authz server as a program, for who runs a mesh already: `docs/authz-alone.md`.
 *
 *   rules.json ──▶ staticJudge ──▶ Authorization and Health over mutual TLS; decisions as JSON lines on stdout
 *
 * Rules are read once: restart it to change them, or write a Judge. On SIGTERM health turns NOT_SERVING, and open checks
 * are answered before it ends.
 */
import { readFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { createLeanServer, type LeanServer } from '../grpc/lean-server.ts';
import { type AuthzService, createAuthzService } from './authz-service.io.ts';
import { DecisionLog } from './decision-log.io.ts';
import { openDecisionSink } from './decision-sink.io.ts';
import { defaultCheckLimits } from './limits.ts';
import { staticJudge } from './static-judge.ts';
import { parseStaticRules, type StaticRules } from './static-rules.ts';
import { systemClock } from './system-clock.io.ts';

const usage =
  'usage: alone.io.ts --listen HOST:PORT|unix:/PATH --rules FILE --certificate FILE --key FILE --client-ca FILE';

/** How long open calls may go on after SIGTERM, in ms. A check lasts less than one. */
const closeGraceMs = 1_000;

/** Exit code for a start that cannot succeed before somebody changes something. Source: sysexits.h, EX_CONFIG. */
const exitConfig = 78;

try {
  await main();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exit(exitConfig);
}

async function main(): Promise<void> {
  const flags = readFlags();
  const rules = await readRules(flags.rules);
  const server = createLeanServer({
    address: flags.listen,
    tls: {
      certificateChainPem: await readFile(flags.certificate, 'utf8'),
      privateKeyPem: await readKey(flags.key),
      clientCaPem: await readFile(flags['client-ca'], 'utf8'),
    },
    requireClientCertificate: true,
  });
  const decisions = new DecisionLog(openDecisionSink());
  const service = createAuthzService({
    judge: staticJudge(rules),
    observer: decisions,
    limits: defaultCheckLimits,
    clock: systemClock,
  });
  service.addTo(server);

  const bound = await server.bind();
  if (bound.kind === 'refused') throw new Error(`${bound.message}; ${bound.advice}`);
  process.once('SIGTERM', () => void leave(service, server, decisions));
  service.setPhase('ready');
  console.error(`answers checks on ${bound.address} by ${rules.rules.length} rules, revision ${rules.revision}`);
}

async function leave(service: AuthzService, server: LeanServer, decisions: DecisionLog): Promise<void> {
  service.setPhase('draining');
  await server.close(closeGraceMs);
  await decisions.end();
  process.exit(0);
}

type FlagName = 'listen' | 'rules' | 'certificate' | 'key' | 'client-ca';

function readFlags(): Record<FlagName, string> {
  const text = { type: 'string' } as const;
  const options = { listen: text, rules: text, certificate: text, key: text, 'client-ca': text };
  const { values } = parseArgs({ options });
  const need = (name: FlagName): string => {
    const value = values[name];
    if (value === undefined) throw new Error(`\`--${name}\` is missing\n${usage}`);
    return value;
  };
  return {
    listen: need('listen'),
    rules: need('rules'),
    certificate: need('certificate'),
    key: need('key'),
    'client-ca': need('client-ca'),
  };
}

async function readRules(path: string): Promise<StaticRules> {
  const result = parseStaticRules(await readFile(path, 'utf8'));
  if (result.kind === 'ok') return result.rules;
  throw new Error([`\`${path}\` is no rules file, so nobody would be allowed:`, ...result.problems].join('\n  '));
}

/** The key in a closure prints as nothing. */
async function readKey(path: string): Promise<{ reveal(): string }> {
  const pem = await readFile(path, 'utf8');
  return { reveal: () => pem };
}
