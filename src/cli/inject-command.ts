/** `coffre inject -f FILE --dry-run`: what injection would make of pods, before any cluster is asked. */
import { text } from 'node:stream/consumers';
import type { Command } from 'commander';
import { type Document, isMap, isSeq, parseAllDocuments } from 'yaml';
import { injectPod } from '../kube/inject/inject-pod.ts';
import { jsonOf, readPod } from '../kube/inject/pod.ts';
import { type PodFinding, problemOf } from '../kube/inject/problem-of.ts';
import { wrongShape } from '../kube/inject/review.ts';
import { defaultSettings, sidecarUsers } from '../kube/inject/settings.ts';
import { jsonPatch, type PatchOperation } from '../kube/json-patch.ts';
import { formatProblem } from '../model/format-problem.ts';
import { CliFailure } from './cli-failure.ts';
import { parseEndpoint } from './door-options.ts';
import { exitCode } from './exit-code.ts';
import { readTextFile } from './read-text-file.ts';
import { printable } from './table.ts';
import type { Terminal } from './terminal.ts';

interface InjectOptions {
  readonly file: string;
  readonly namespace: string;
  readonly envoyImage: string;
  readonly redirectImage: string;
  readonly xds: string;
  readonly revision: string;
}

/** Where each kind that makes pods keeps the pod that it makes. */
const podPaths: Readonly<Record<string, readonly string[]>> = {
  Pod: [],
  Deployment: ['spec', 'template'],
  StatefulSet: ['spec', 'template'],
  DaemonSet: ['spec', 'template'],
  Job: ['spec', 'template'],
  CronJob: ['spec', 'jobTemplate', 'spec', 'template'],
};

const explanation = `
Every Pod, Deployment, StatefulSet, DaemonSet, Job and CronJob of the file is printed with its sidecar, other objects as
they are; comments stay. Nothing is written to a cluster.

  coffre inject -f web.yaml --dry-run                 # what the webhook would make of it
  kubectl get deploy web -o yaml | coffre inject -f - --dry-run | diff - web.yaml   # what changed
  coffre inject -f web.yaml --dry-run > /dev/null     # exit 1 where a pod would be refused, and why

A cluster draws the user of each sidecar anew and injects again what this prints: there it is for reading, not for applying.
`;

export function addInjectCommand(program: Command, terminal: Terminal): void {
  program
    .command('inject')
    .description('print pods as injection would make them; exit 1 where one would be refused')
    .requiredOption('-f, --file <file>', 'YAML of the objects; `-` for standard input')
    .requiredOption('--dry-run', 'print only; there is no other way, since in a cluster the webhook injects')
    .option('-n, --namespace <namespace>', 'of objects that name none', 'default')
    .option('--envoy-image <image>', 'image of the sidecar', 'envoyproxy/envoy:v1.40.0')
    .option('--redirect-image <image>', 'image of the redirection', 'coffre-redirect')
    .option('--xds <address:port>', 'where sidecars reach the control plane', '10.96.0.100:15012')
    .option('--revision <revision>', 'of the installation', 'default')
    .addHelpText('after', explanation)
    .action((options: InjectOptions) => inject(terminal, options));
}

async function inject(terminal: Terminal, options: InjectOptions): Promise<void> {
  const given = options.file === '-' ? await text(process.stdin) : await readTextFile(options.file);
  const documents = parseAllDocuments(given);
  // Of an empty text there are none, which YAML tells in another form.
  if (documents.length === 0) throw unusable(options, 'holds no object', 'name a file with the YAML of pods');
  for (const document of documents) {
    const [error] = document.errors;
    if (error !== undefined) throw unusable(options, `is no YAML: ${firstLine(error.message)}`, 'mend the YAML');
    refuseWhatIsNoObject(document, options);
    for (const { ref, finding } of injectInto(document, options)) {
      terminal.err(`${printable(formatProblem(problemOf(ref, finding)))}\n`);
      terminal.setExitCode(exitCode.no);
    }
  }
  terminal.out(documents.map(documentText).join(''));
}

/** What would be printed as it came, and so read as if nothing in it needed a sidecar. @throws CliFailure */
function refuseWhatIsNoObject({ contents }: Document, options: InjectOptions): void {
  if (contents === null) return;
  if (!isMap(contents) || !contents.has('kind')) {
    throw unusable(options, 'holds what is no object of Kubernetes', 'write `apiVersion`, `kind` and `metadata`');
  }
  if (contents.get('kind') !== 'List') return;
  throw unusable(options, 'holds a `List`, which is not looked into', 'write its items as documents, parted by `---`');
}

function unusable({ file }: InjectOptions, what: string, advice: string): CliFailure {
  return new CliFailure(exitCode.misuse, `${file === '-' ? 'the standard input' : `\`${file}\``} ${what}`, advice);
}

/** Behind it YAML draws where it was, which is not for one line. */
function firstLine(message: string): string {
  return (message.split('\n')[0] ?? message).replace(/:$/, '');
}

/** All but the first begin with the line that divides them. */
function documentText(document: Document, index: number): string {
  if (document.directives !== undefined) document.directives.docStart = index > 0 ? true : null;
  return document.toString({ lineWidth: 0 });
}

interface Told {
  readonly ref: { readonly namespace: string; readonly name: string };
  readonly finding: PodFinding;
}

/** Changes the document, unless its pod is refused. @returns why it is. */
function injectInto(document: Document, options: InjectOptions): readonly Told[] {
  const path = podPaths[String(document.get('kind'))];
  if (path === undefined) return [];
  const metadata = (key: string, otherwise: string) => String(document.getIn(['metadata', key]) ?? otherwise);
  const namespace = metadata('namespace', options.namespace);
  const ref = { namespace, name: metadata('name', '') };
  const value = path.reduce<unknown>(
    (at, key) => (at as Record<string, unknown> | null)?.[key],
    plain(document, options),
  );
  const read = readPod(value);
  if ('wrongAt' in read) return [{ ref, finding: wrongShape([...path, read.wrongAt].join('.')) }];
  const settings = {
    ...defaultSettings,
    revision: options.revision,
    version: 'dry-run',
    envoyImage: options.envoyImage,
    redirectImage: options.redirectImage,
    controlPlane: parseEndpoint(options.xds),
  };
  const injection = injectPod(read.pod, settings, { namespace, tenant: namespace, sidecarUser: sidecarUsers.first });
  if (injection.kind === 'refused') return injection.findings.map((finding) => ({ ref, finding }));
  for (const operation of jsonPatch(jsonOf(read.pod), jsonOf(injection.pod))) apply(document, path, operation);
  return [];
}

/** @throws CliFailure where aliases would fill the memory. */
function plain(document: Document, options: InjectOptions): unknown {
  try {
    return document.toJS();
  } catch {
    throw unusable(options, 'repeats too much by aliases', 'write the repeated part out');
  }
}

/** As a change of the document rather than of its value, so that an author's comments stay. */
function apply(document: Document, base: readonly string[], operation: PatchOperation): void {
  const [, ...parts] = operation.path.split('/').map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));
  const path = [...base, ...parts];
  if (operation.op === 'remove') return void document.deleteIn(path);
  const node = document.createNode(operation.value, { aliasDuplicateObjects: false });
  const holder = document.getIn(path.slice(0, -1));
  if (operation.op === 'add' && isSeq(holder)) holder.items.splice(Number(path.at(-1)), 0, node);
  else document.setIn(path, node);
}
