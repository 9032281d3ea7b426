/** Installations that differ in whatever a value can change: as their authors write them. */

/** Text of the values by what is special about them. */
export const variations: Readonly<Record<string, string>> = {
  'nothing said': '',
  'one mesh, larger': `
trustDomain: prod.example
controlPlane:
  replicas: 5
  resources: { requests: { cpu: "2", memory: 2Gi }, limits: { cpu: "4", memory: 4Gi } }
authz: { replicas: 7, resources: { limits: { memory: 1Gi } } }
`,
  'images of a registry of their own, by digest': `
images:
  coffre: registry.example:5000/mesh/coffre:0.1.0@sha256:${'a1'.repeat(32)}
  redirect: registry.example:5000/mesh/coffre-redirect@sha256:${'b2'.repeat(32)}
  envoy: registry.example:5000/envoy@sha256:${'c3'.repeat(32)}
  pullSecrets: [registry, "123"]
`,
  'evidence in the pods': 'evidence: { kind: ephemeral }\nlogLevel: debug\n',
  'evidence on a class of its own': 'evidence: { size: 200Gi, storageClass: encrypted }\n',
  'evidence in a PostgreSQL': 'evidence: { kind: postgres, postgresSecret: coffre-evidence }\nlogLevel: error\n',
  'nodes of their own, apart from each other': `
spread: required
controlPlane:
  nodeSelector: { node-role.kubernetes.io/mesh: "", disk: "true" }
  tolerations: [{ key: dedicated, operator: Equal, value: mesh, effect: NoSchedule }, { operator: Exists }]
authz: { nodeSelector: { "example.com/pool": "007" } }
`,
  'IPv6, and namespaces that nobody is asked about': `
ipFamily: IPv6
webhooks: { exemptNamespaces: [calico-system, kube-system, csi, calico-system, "on"] }
`,
  'API servers of an authority that is named, and exceptions': `
webhooks:
  clients: authority
  authorityConfigMap: api-server-clients
  clientNames: [kube-apiserver, "apiserver:2"]
  unproxied: [shop/node-agent]
  caretakers: [ada@example.com, "system:serviceaccount:ops:mesh"]
`,
  'a key of the state that no Secret holds': 'stateKey: { secretProviderClass: vault, file: state.key }\n',
  'API servers that nobody knows': 'webhooks: { clients: anyone, clientNames: [nobody] }\n',
};

/** Values that nobody may install with, each with the path that is told. */
export const hostile: readonly (readonly [text: string, path: string])[] = [
  ['controlPlane: { replicas: 0 }', 'controlPlane.replicas'],
  ['controlPlane: { replicas: "2" }', 'controlPlane.replicas'],
  ['controlPlane: { replica: 3 }', 'controlPlane.replica'],
  ['controlPlane: null', 'controlPlane'],
  ['controlPlane: { resources: { limits: { cpu: null } } }', 'controlPlane.resources.limits.cpu'],
  ['images: { coffre: "coffre:1\\n      hostNetwork: true" }', 'images.coffre'],
  ['images: { envoy: "envoy@sha256:abc" }', 'images.envoy'],
  ['images: { pullSecrets: ["../x"] }', 'images.pullSecrets[0]'],
  ['trustDomain: "{{ .Release.Name }}"', 'trustDomain'],
  ['trustDomain: Prod.Example', 'trustDomain'],
  ['stateKey: { secretProviderClass: vault }', 'stateKey.file'],
  ['stateKey: { secretProviderClass: vault, file: ../root }', 'stateKey.file'],
  ['logLevel: "info --admin=0.0.0.0:1"', 'logLevel'],
  ['evidence: { kind: postgres }', 'evidence.postgresSecret'],
  ['evidence: { size: 10Gb }', 'evidence.size'],
  ['webhooks: { exemptNamespaces: ["a, b"] }', 'webhooks.exemptNamespaces[0]'],
  ['webhooks: { caretakers: ["ada,--caretakers=eve"] }', 'webhooks.caretakers[0]'],
  ['webhooks: { clients: authority, clientNames: [a] }', 'webhooks.authorityConfigMap'],
  ['webhooks: { clients: authority, authorityConfigMap: a }', 'webhooks.clientNames'],
  ['controlPlane: { nodeSelector: { disk: yes } }', 'controlPlane.nodeSelector.disk'],
  ['rbac: { clusterAdmin: true }', 'rbac'],
];
