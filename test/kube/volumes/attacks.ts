/**
 * The table of attacks: `billing` goes after what `shop` holds. Each has the reason it is refused with and a control, as
 * like it as can be, that passes: of the tenant's own, or the attack itself under a grant of the claim it names.
 *
 * Before them stands what is in `standing`, of which the last two came before the wall.
 */
import { classAnnotation } from '../../../src/kube/volumes/closed-sources.ts';
import { attachment, claim, content, csi, local, nfs, pod, snapshot, volume, type Written } from './storage.ts';

const ledger = csi('vol-1');
const share = nfs('files.example', '/exports/shop/data');
const hostname = 'kubernetes.io/hostname';

export const standing = {
  walled: [
    volume('shop-ledger', 'shop/ledger', ledger),
    claim('shop/ledger', { volumeName: 'shop-ledger', storageClassName: '' }),
    volume('shop-share', 'shop/share', share),
    volume('shop-released', 'shop/old', csi('vol-2')),
    volume('shop-cloud', 'shop/cloud', csi('vol-9', 'ebs.csi.aws.com')),
    volume('shop-local', 'shop/local', local('/mnt/disks/a', hostname, 'node-1')),
    volume('shop-target', 'shop/target', {
      iscsi: { targetPortal: '10.0.0.9:3260', iqn: 'iqn.2026-01.example:a', lun: 1 },
    }),
    snapshot('shop/monday', { persistentVolumeClaimName: 'ledger' }),
    content('shop-monday', 'shop/monday', { volumeHandle: 'vol-1' }),
    volume('billing-released', 'billing/old', csi('vol-3')),
    attachment('shop-ledger-node-1', 'shop-ledger'),
  ],
  before: [
    content('stolen', 'billing/stolen', { snapshotHandle: 'snap-1' }),
    volume('vault-plain', 'vault/plain', csi('vol-30'), { storageClassName: 'plain' }),
    snapshot('billing/stolen', { volumeSnapshotContentName: 'stolen' }),
  ],
} as const;

/** What the storage calls the snapshot of Monday. */
export const mondayHandle = 'snap-1';

/** `write` makes an object; `change` merges into one that stands. */
export type Act =
  | { readonly kind: 'write'; readonly object: Written }
  | { readonly kind: 'change'; readonly object: Written; readonly patch: object };

export interface Attack {
  readonly name: string;
  readonly act: Act;
  /** In the words of the refusal. */
  readonly says: RegExp;
  /** Claim of `shop` whose grant lets it pass; absent where no grant does. */
  readonly grant?: string;
  /** What passes without a grant; needed where none could be given. */
  readonly control?: Act;
}

function write(object: Written): Act {
  return { kind: 'write', object };
}

function change(object: Written, spec: object): Act {
  return { kind: 'change', object, patch: { spec } };
}

const { 3: shopReleased, 8: monday, 9: billingReleased } = standing.walled;
const loot = 'billing/loot';
const ofLedger =
  /what the claim `shop\/ledger` holds would be used by `billing`.*have the owners of `shop` write a `Grant`/;
const ofShare =
  /spec\.(nfs|csi): what the claim `shop\/share` holds would be used by `billing`: it is on the storage of the volume `shop-share`/;
const secret = (namespace: string) =>
  csi('vol-20', 'disk.example', { nodePublishSecretRef: { namespace, name: 'key' } });
const fromClaim = { apiGroup: '', kind: 'PersistentVolumeClaim', namespace: 'shop', name: 'ledger' };
const fromSnapshot = { apiGroup: 'snapshot.storage.k8s.io', kind: 'VolumeSnapshot', namespace: 'shop', name: 'monday' };

export const attacks: readonly Attack[] = [
  {
    name: 'a released volume is bound to another tenant',
    act: change(shopReleased, { claimRef: { namespace: 'billing', name: 'loot' } }),
    says: /spec\.claimRef: what the claim `shop\/old` holds would be used by `billing`: the volume still holds what was written there/,
    grant: 'old',
    control: change(billingReleased, { claimRef: { namespace: 'billing', name: 'loot' } }),
  },
  {
    name: 'a released volume is set free for whoever comes first',
    act: change(shopReleased, { claimRef: null }),
    says: /would be open to any tenant, since it names none.*name the claim that it is for in `claimRef`, or delete/,
    control: change(shopReleased, { claimRef: { namespace: 'shop', name: 'again' } }),
  },
  {
    name: 'a claim names a volume that is bound to another tenant',
    act: write(claim(loot, { volumeName: 'shop-ledger', storageClassName: '' })),
    says: ofLedger,
    grant: 'ledger',
    control: write(claim('shop/more', { volumeName: 'shop-ledger', storageClassName: '' })),
  },
  {
    name: 'a second volume has the handle of another tenant’s',
    act: write(volume('loot', loot, ledger)),
    says: ofLedger,
    grant: 'ledger',
    control: write(volume('loot', 'shop/again', ledger)),
  },
  {
    name: 'a second volume on the same handle names nobody',
    act: write(volume('loot', '', ledger)),
    says: /spec\.csi: what the claim `shop\/ledger` holds would be open to any tenant/,
    control: write(volume('loot', '', csi('vol-21'))),
  },
  {
    name: 'a disk is named as the tree once named it',
    act: write(volume('loot', loot, { awsElasticBlockStore: { volumeID: 'aws://eu-west-3a/vol-9' } })),
    says: /what the claim `shop\/cloud` holds would be used by `billing`: it is on the storage of the volume `shop-cloud`/,
    grant: 'cloud',
    control: write(volume('loot', loot, { awsElasticBlockStore: { volumeID: 'aws://eu-west-3a/vol-10' } })),
  },
  {
    name: 'an iSCSI target is reached by another portal',
    act: write(volume('loot', loot, { iscsi: { targetPortal: '10.0.0.8', iqn: 'iqn.2026-01.example:a', lun: 1 } })),
    says: /what the claim `shop\/target` holds would be used by `billing`/,
    grant: 'target',
    control: write(volume('loot', loot, { iscsi: { targetPortal: '10.0.0.8', iqn: 'iqn.2026-01.example:a', lun: 2 } })),
  },
  {
    name: 'an NFS directory is mounted by another spelling',
    act: write(volume('loot', loot, nfs('FILES.example.', '/exports//shop/data/'))),
    says: ofShare,
    grant: 'share',
    control: write(volume('loot', loot, nfs('other.example', '/exports/shop/data'))),
  },
  {
    name: 'an NFS directory is mounted from above',
    act: write(volume('loot', loot, nfs('files.example', '/exports'))),
    says: ofShare,
    grant: 'share',
    control: write(volume('loot', loot, nfs('files.example', '/exports/billing'))),
  },
  {
    name: 'an NFS directory is mounted from below',
    act: write(volume('loot', loot, nfs('files.example', '/exports/shop/data/2026'))),
    says: ofShare,
    grant: 'share',
    control: write(volume('loot', loot, nfs('files.example', '/exports/shop/database'))),
  },
  {
    name: 'an NFS directory is reached through a directory of one’s own',
    act: write(volume('loot', loot, nfs('files.example', '/exports/billing/../shop/data'))),
    says: ofShare,
    grant: 'share',
    control: write(volume('loot', loot, nfs('files.example', '/exports/shop/../billing/data'))),
  },
  {
    name: 'an NFS directory is mounted by a CSI driver under a new handle',
    act: write(
      volume(
        'loot',
        loot,
        csi('new', 'nfs.csi.k8s.io', {
          volumeAttributes: { server: 'files.example', share: '/exports', subdir: 'shop' },
        }),
      ),
    ),
    says: ofShare,
    grant: 'share',
    control: write(
      volume(
        'loot',
        loot,
        csi('new', 'nfs.csi.k8s.io', {
          volumeAttributes: { server: 'files.example', share: '/exports', subdir: 'billing' },
        }),
      ),
    ),
  },
  {
    name: 'a directory of a node is named again',
    act: write(volume('loot', loot, local('/mnt/disks', hostname, 'node-2', 'node-1'))),
    says: /what the claim `shop\/local` holds would be used by `billing`/,
    grant: 'local',
    control: write(volume('loot', loot, local('/mnt/disks', hostname, 'node-2'))),
  },
  {
    name: 'a directory is of nobody knows which node',
    act: write(volume('loot', loot, local('/mnt/disks', 'rack', 'r1'))),
    says: /spec\.nodeAffinity: a directory of a node is named, and not of which.*name the nodes by `kubernetes\.io\/hostname`/,
    control: write(volume('loot', loot, local('/mnt/other', hostname, 'node-1'))),
  },
  {
    name: 'a volume is opened with a secret of another tenant',
    act: write(volume('loot', loot, secret('shop'))),
    says: /spec\.csi\.nodePublishSecretRef: a secret of `shop` would be used by `billing`/,
    control: write(volume('loot', loot, secret('storage-system'))),
  },
  {
    name: 'a claim is cloned from another namespace',
    act: write(claim(loot, { dataSourceRef: fromClaim })),
    says: /spec\.dataSourceRef: .*shop\/ledger.*it would be filled from the `PersistentVolumeClaim` `shop\/ledger`/,
    grant: 'ledger',
    control: write(claim('shop/copy', { dataSource: { kind: 'PersistentVolumeClaim', name: 'ledger' } })),
  },
  {
    name: 'a claim is filled from a snapshot in another namespace',
    act: write(claim(loot, { dataSourceRef: fromSnapshot })),
    says: /spec\.dataSourceRef: .*shop\/ledger.*it would be filled from the `VolumeSnapshot` `shop\/monday`/,
    grant: 'ledger',
    control: write(claim('shop/copy', { dataSourceRef: { ...fromSnapshot, namespace: undefined } })),
  },
  {
    name: 'a claim is filled from a snapshot of one’s own that came by another’s data before the wall',
    act: write(claim(loot, { dataSource: { ...fromSnapshot, namespace: undefined, name: 'stolen' } })),
    says: /spec\.dataSource(Ref)?: what the claim `shop\/ledger` holds.*the content `shop-monday` is the same snapshot/,
    grant: 'ledger',
  },
  {
    name: 'a snapshot takes up the content of another tenant’s',
    act: write(snapshot(loot, { volumeSnapshotContentName: 'shop-monday' })),
    says: /spec\.source: what the claim `shop\/ledger` holds would be used by `billing`: the content `shop-monday` is a snapshot from there|it is of the volume `shop-ledger`/,
    grant: 'ledger',
    control: write(snapshot('shop/again', { volumeSnapshotContentName: 'shop-monday' })),
  },
  {
    name: 'a snapshot content is made of another tenant’s volume',
    act: write(content('loot', loot, { volumeHandle: 'vol-1' })),
    says: /spec\.source: what the claim `shop\/ledger` holds.*it is of the volume `shop-ledger`/,
    grant: 'ledger',
    control: write(content('loot', loot, { volumeHandle: 'vol-3' })),
  },
  {
    name: 'a snapshot is imported by its handle at the storage',
    act: write(content('loot', loot, { snapshotHandle: mondayHandle })),
    says: /spec\.source: what the claim `shop\/ledger` holds.*the content `shop-monday` is the same snapshot/,
    grant: 'ledger',
    control: write(content('loot', loot, { snapshotHandle: 'snap-2' })),
  },
  {
    name: 'a snapshot content is given another namespace',
    act: change(monday, { volumeSnapshotRef: { namespace: 'billing', name: 'loot' } }),
    says: /what the claim `shop\/ledger` holds would be used by `billing`/,
    grant: 'ledger',
    control: change(monday, { volumeSnapshotRef: { namespace: 'shop', name: 'tuesday' } }),
  },
  {
    name: 'a claim of a namespace without a tenant takes a tenant’s volume',
    act: write(claim('nobody/loot', { volumeName: 'shop-ledger', storageClassName: '' })),
    says: /would be used by `nobody`.*nobody owns `nobody`: write a `Tenant` of that name/,
    control: write(claim('nobody/own', { volumeName: 'unheard-of', storageClassName: '' })),
  },
  {
    name: 'a pod mounts a directory of its node',
    act: write(pod(loot, { hostPath: { path: '/var/lib/kubelet/pods' } })),
    says: /the volume `data` names storage by itself, as hostPath.*no grant opens this/,
    control: write(pod('nobody/agent', { hostPath: { path: '/var/log' } })),
  },
  {
    name: 'a pod names a CSI volume inline',
    act: write(pod(loot, { csi: { driver: 'disk.example', volumeAttributes: { handle: 'vol-1' } } })),
    says: /the volume `data` names storage by itself/,
    control: write(pod(loot, { persistentVolumeClaim: { claimName: 'own' } })),
  },
  {
    name: 'a pod names an NFS share inline',
    act: write(pod(loot, nfs('files.example', '/exports/shop/data'))),
    says: /the volume `data` names storage by itself/,
    control: write(pod(loot, { emptyDir: {} })),
  },
  {
    name: 'a volume for a tenant is a directory of a node',
    act: write(volume('loot', loot, { hostPath: { path: '/var' } })),
    says: /spec\.hostPath: a directory of a node is open to a tenant.*no grant opens this/,
    control: write(volume('loot', 'nobody/agent', { hostPath: { path: '/var' } })),
  },
  {
    name: 'a volume for whoever comes first is a directory of a node',
    act: write(volume('loot', '', { hostPath: { path: '/var' } })),
    says: /spec\.hostPath: a directory of a node is open to a tenant/,
    control: write(volume('loot', '', csi('vol-22'))),
  },
  {
    name: 'a claim where encryption is demanded has a class that is not declared encrypted',
    act: write(claim('vault/loot', { storageClassName: 'plain' })),
    says: /`vault` demands encrypted storage, and the storage class `plain` is not declared encrypted/,
    control: write(claim('vault/own', { storageClassName: 'encrypted' })),
  },
  {
    name: 'a claim where encryption is demanded has no class',
    act: write(claim('vault/loot', {})),
    says: /`vault` demands encrypted storage, and the storage class `` is not declared encrypted/,
    control: write(claim('billing/own', {})),
  },
  {
    name: 'a claim says an encrypted class, and another in the annotation that is believed first',
    act: write(claim('vault/loot', { storageClassName: 'encrypted' }, { [classAnnotation]: 'plain' })),
    says: /the storage class `plain` is not declared encrypted/,
    control: write(claim('vault/own', { storageClassName: 'encrypted' }, { [classAnnotation]: 'encrypted' })),
  },
  {
    name: 'a volume for who demands encryption has a class that is not declared encrypted',
    act: write(volume('loot', 'vault/loot', csi('vol-23'), { storageClassName: 'plain' })),
    says: /`vault` demands encrypted storage, and the storage class `plain` is not declared encrypted/,
    control: write(volume('loot', 'vault/own', csi('vol-23'), { storageClassName: 'encrypted' })),
  },
];
