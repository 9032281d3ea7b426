/**
 * Who judges what is asked at each path, by what is known at that moment.
 *
 *   path ──▶ judge ◀── snapshot, objects, storage, installation
 *
 * Where something is not known yet the answer is no, with the reason: whoever asked comes again. The surprise is a pod in a
 * namespace that is nobody's here: its tenant may be a moment old, so the API server is asked before the pod is let by.
 */

import { quote } from '../../model/quote.ts';
import type { Snapshot } from '../../model/snapshot.ts';
import type { SourcedObject } from '../../model/sourced-object.ts';
import type { AdmissionRequest, Verdict } from '../admission.ts';
import type { AdmissionContext } from '../inject/admission-context.ts';
import { mutatePod } from '../inject/mutate-pod.ts';
import type { InjectSettings } from '../inject/settings.ts';
import { validateConfigMap } from '../inject/validate-config-map.ts';
import { validatePod } from '../inject/validate-pod.ts';
import { judgeVolumeReview, type VolumeKnowledge } from '../volumes/judge-volume-review.ts';
import { judgeConsent, signConsent } from './consents.ts';
import { type MeshView, viewOf } from './mesh-view.ts';
import { ObjectJudge } from './object-judge.ts';
import { refuseExempt } from './refuse-exempt.ts';
import { validateNamespace } from './validate-namespace.ts';
import { exemptNamespaces, type WebhookPath, webhookPaths } from './webhook-configurations.ts';

/** Nobody can be judged by what is known now. */
export interface NotReady {
  readonly kind: 'not-ready';
  readonly reason: string;
}

export type Judge = (request: AdmissionRequest) => Verdict | NotReady | Promise<Verdict | NotReady>;

/** What the installation says of injection; the rest of its settings stands in the cluster. */
export interface Installation
  extends Omit<InjectSettings, 'controlPlane' | 'dnsResolvers' | 'envoyImage' | 'redirectImage'> {
  /** Undefined where nobody said: then there is no injection. */
  readonly envoyImage: string | undefined;
  readonly redirectImage: string | undefined;
  /** Namespaces beside our own and Kubernetes' about which nobody is asked. */
  readonly exempt: readonly string[];
}

/** Whether the API server knows a tenant of this name. */
export type TenantAnswer = 'there' | 'not-there' | 'unanswered';

export interface JudgePorts {
  /** Newest; undefined until the cluster has been read. */
  snapshot(): Snapshot | undefined;
  /** What the newest snapshot was made of; another value where it is another. */
  objects(): readonly SourcedObject[];
  /** Undefined while not all of the storage is known. */
  volumes(): VolumeKnowledge | undefined;
  askTenant(name: string): Promise<TenantAnswer>;
  /** Epoch ms. */
  nowMs(): number;
  /** Drawn anew, of `sidecarUsers`. */
  sidecarUser(): number;
}

export function judgesOf(ports: JudgePorts, installation: Installation): Readonly<Record<WebhookPath, Judge>> {
  const exempt = exemptNamespaces(installation.exempt);
  const objectJudge = new ObjectJudge();
  let viewed: { readonly of: readonly SourcedObject[]; readonly view: MeshView } | undefined;

  function view(): MeshView {
    const of = ports.objects();
    if (viewed?.of !== of) viewed = { of, view: viewOf(of) };
    return viewed.view;
  }

  /** @param judge asked about namespaces of tenants, and in vain about others. */
  function ofPods(judge: (request: AdmissionRequest, context: AdmissionContext) => Verdict): Judge {
    return async (request) => {
      const { namespace = '' } = request;
      const snapshot = ports.snapshot();
      if (snapshot?.tenants.has(namespace) !== true) return nobodys(namespace);
      const settings = settingsOf(installation, snapshot, view());
      if ('kind' in settings) return settings;
      return judge(request, {
        settings,
        tenantOf: (name) => snapshot.tenants.get(name)?.name,
        selectingLabels: view().selectingLabels,
        isWelcome: (host, guest) => host === guest || snapshot.tenants.get(host)?.nodesSharedWith?.has(guest) === true,
        sidecarUser: ports.sidecarUser(),
      });
    };
  }

  async function nobodys(namespace: string): Promise<Verdict | NotReady> {
    switch (await ports.askTenant(namespace)) {
      case 'not-there':
        return { kind: 'allowed', patch: [] };
      case 'there':
        return notReady(`the tenant ${quote(namespace)} is so new, or so broken, that its wall does not stand yet`);
      case 'unanswered':
        return notReady(`whether ${quote(namespace)} is a tenant's could not be found out`);
    }
  }

  return {
    [webhookPaths.inject]: ofPods(mutatePod),
    [webhookPaths.pods]: ofPods(validatePod),
    [webhookPaths.configMaps]: ofPods(validateConfigMap),
    [webhookPaths.namespaces]: validateNamespace,
    [webhookPaths.consents]: signConsent,
    [webhookPaths.objects](request) {
      const [first] = [refuseExempt(request, exempt), judgeConsent(request)].filter(({ kind }) => kind === 'refused');
      return first ?? objectJudge.judge(request, ports.objects(), ports.nowMs());
    },
    [webhookPaths.volumes](request) {
      const knowledge = ports.volumes();
      return knowledge === undefined
        ? notReady('not all of the storage of the cluster is known yet')
        : judgeVolumeReview(request, knowledge);
    },
  };
}

function settingsOf(
  { exempt: _asked, ...installation }: Installation,
  { mesh }: Snapshot,
  { controlPlane, dns }: MeshView,
): InjectSettings | NotReady {
  const { envoyImage, redirectImage } = installation;
  if (envoyImage === undefined || redirectImage === undefined) {
    return notReady('nobody said which images a sidecar is made of: set `--envoy-image` and `--redirect-image`');
  }
  // Those that the mesh names are the only ones that it means.
  const dnsResolvers = mesh.dnsResolvers.length > 0 ? mesh.dnsResolvers : dns;
  if (controlPlane === undefined) {
    return notReady('the Service `coffre-system/coffre` has no address with a port `xds` at which sidecars could ask');
  }
  if (dnsResolvers.length === 0) {
    return notReady('the Service `kube-system/kube-dns` has no address: name the resolvers in the `Mesh`');
  }
  return { ...installation, envoyImage, redirectImage, controlPlane, dnsResolvers };
}

function notReady(reason: string): NotReady {
  return { kind: 'not-ready', reason: `${reason}; try again in a moment` };
}
