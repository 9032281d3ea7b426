/**
 * Where the bytes of a volume are, so that two volumes on the same storage are seen to be.
 *
 *   nfs server:/exports/shop ──▶ nfs|server|/ · nfs|server|/exports · nfs|server|/exports/shop        (a trail)
 *
 * Two volumes overlap where the end of one trail lies on the other: the same directory, one above it or one below it.
 * What is no tree is a trail of one place. Where several spellings could mean one place they are taken as one: that may
 * ask for a grant too many, never for one too few. The surprise: a volume may have several trails, because a CSI volume of
 * an NFS share is found by its handle and by its directory.
 */
import { canonicalJson } from '../../model/canonical-json.ts';
import { canonicalIp } from '../../model/ip-address.ts';
import type { PersistentVolume } from './storage-objects.ts';

/** Places from the outermost to the innermost; never empty. */
export type Trail = readonly string[];

/** Deepest directory that is told from those below it: a path of 4,096 characters could have 2,048 levels. */
const depthMax = 64;

/** What a PersistentVolume says beside its source. Source: Kubernetes, PersistentVolumeSpec. */
const besideTheSource = new Set([
  'accessModes',
  'capacity',
  'claimRef',
  'mountOptions',
  'nodeAffinity',
  'persistentVolumeReclaimPolicy',
  'storageClassName',
  'volumeAttributesClassName',
  'volumeMode',
]);

/** Sources in the tree that an API server hands to a CSI driver: whose handle is in which field. */
const migrated: Readonly<Record<string, { readonly driver: string; readonly field: string }>> = {
  awsElasticBlockStore: { driver: 'ebs.csi.aws.com', field: 'volumeID' },
  azureDisk: { driver: 'disk.csi.azure.com', field: 'diskURI' },
  cinder: { driver: 'cinder.csi.openstack.org', field: 'volumeID' },
  gcePersistentDisk: { driver: 'pd.csi.storage.gke.io', field: 'pdName' },
};
const migratedDrivers = new Set(Object.values(migrated).map(({ driver }) => driver));

/** What of a source says which storage it is; the rest says how it is mounted. */
const identifying: Readonly<Record<string, readonly string[]>> = {
  azureFile: ['shareName', 'secretName'],
  fc: ['targetWWNs', 'lun', 'wwids'],
  iscsi: ['iqn', 'lun'],
  rbd: ['pool', 'image'],
  vsphereVolume: ['volumePath'],
};
/** Of a source that nobody here knows: what certainly says only how it is mounted. */
const mountingOnly = new Set(['fsType', 'readOnly', 'secretRef']);

/** Name of the field that holds the source, such as `nfs`; empty where there is none. */
export function sourceName({ spec }: PersistentVolume): string {
  return Object.keys(spec).find((name) => !besideTheSource.has(name)) ?? '';
}

/** @returns nothing where nobody can tell: a directory of nodes that are not named. */
export function placesOf(volume: PersistentVolume): readonly Trail[] | undefined {
  const name = sourceName(volume);
  const source: unknown = Reflect.get(volume.spec, name);
  const field = (key: string) => textIn(source, key);
  const legacy = migrated[name];
  if (legacy !== undefined) return [[handlePlace(legacy.driver, field(legacy.field))]];
  switch (name) {
    case 'nfs':
      return [trail(`nfs|${hostOf(field('server'))}`, field('path'))];
    case 'csi':
      return csiPlaces(source);
    case 'cephfs': {
      const monitors = listIn(source, 'monitors');
      return monitors.map((monitor) => trail(`ceph|${hostOf(String(monitor))}`, field('path')));
    }
    case 'local':
    case 'hostPath':
      return nodesOf(volume)?.map((node) => trail(`node|${node}`, field('path')));
    default:
      return [[`${name}|${canonicalJson(identityIn(name, source))}`]];
  }
}

/** Whether all of the inner volume lies in the outer one. */
export function covers(outer: PersistentVolume, inner: PersistentVolume): boolean {
  const ends = new Set((placesOf(outer) ?? []).map((trail) => trail.at(-1)));
  const trails = placesOf(inner) ?? [];
  return trails.length > 0 && trails.every((each) => each.some((place) => ends.has(place)));
}

/** The place of a handle at a CSI driver. */
export function handlePlace(driver: string, handle: string): string {
  const own = migratedDrivers.has(driver) ? (handle.toLowerCase().split('/').at(-1) ?? handle) : handle;
  return `csi|${driver}|${own}`;
}

function csiPlaces(source: unknown): readonly Trail[] {
  const byHandle = [handlePlace(textIn(source, 'driver'), textIn(source, 'volumeHandle'))];
  const attributes: unknown = fieldIn(source, 'volumeAttributes');
  const [server, share] = [textIn(attributes, 'server'), textIn(attributes, 'share')];
  if (server === '' || share === '') return [byHandle];
  return [byHandle, trail(`nfs|${hostOf(server)}`, `${share}/${textIn(attributes, 'subdir')}`)];
}

/** `/a/./b/../c` is `/a/c`, as the server walks it. */
function trail(root: string, path: string): Trail {
  const names: string[] = [];
  for (const name of path.split('/')) {
    if (name === '..') names.pop();
    else if (name !== '' && name !== '.') names.push(name);
  }
  const kept = names.slice(0, depthMax);
  return [`${root}|/`, ...kept.map((_, index) => `${root}|/${kept.slice(0, index + 1).join('/')}`)];
}

function hostOf(server: string): string {
  const bare = server.replace(/^\[|\]$/g, '');
  return canonicalIp(bare) ?? bare.toLowerCase().replace(/\.+$/, '');
}

/** Names of the nodes, where each term of the affinity says them. */
function nodesOf({ spec }: PersistentVolume): readonly string[] | undefined {
  const terms = listIn(fieldIn(fieldIn(spec, 'nodeAffinity'), 'required'), 'nodeSelectorTerms');
  const named = terms.map((term) => {
    const byName = listIn(term, 'matchExpressions').filter(
      (each) => textIn(each, 'key') === 'kubernetes.io/hostname' && textIn(each, 'operator') === 'In',
    );
    return byName.flatMap((each) => listIn(each, 'values').map(String));
  });
  return terms.length > 0 && named.every(({ length }) => length > 0) ? [...new Set(named.flat())] : undefined;
}

function identityIn(name: string, source: unknown): unknown {
  const known = identifying[name];
  const fields = Object.entries(typeof source === 'object' && source !== null ? source : {});
  return Object.fromEntries(fields.filter(([key]) => known?.includes(key) ?? !mountingOnly.has(key)));
}

function fieldIn(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, key) : undefined;
}

function textIn(value: unknown, key: string): string {
  const field = fieldIn(value, key);
  return typeof field === 'string' ? field : '';
}

function listIn(value: unknown, key: string): readonly unknown[] {
  const field = fieldIn(value, key);
  return Array.isArray(field) ? field : [];
}
