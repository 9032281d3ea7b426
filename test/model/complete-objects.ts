/** One object of every kind with every field that is read, a line each: what tests break one field at a time. */
import type { Kind } from '../../src/model/kinds/catalogue.ts';

export const completeObjects: Readonly<Record<Kind, string>> = {
  Mesh: `apiVersion: coffre.dev/v1alpha1
kind: Mesh
metadata:
  name: default
spec:
  trustDomain: prod.example
  certificates:
    leafLifetime: 24h
  privateProviders:
    - host: sso.corp.example
      port: 8443
      addresses:
        - 10.20.0.0/24
  dns:
    resolvers:
      - 10.96.0.10
  explicit:
    outboundRange: 127.128.0.0/10
  drills:
    halted: false
    maxDuration: 30m
    maxConcurrent: 2
    secondPersonAbove:
      percent: 25
      callers: 5
    protectedTenants:
      - payments
    probeTargets:
      - http://10.0.0.5:9090
      - 10.0.0.5:9000
    prometheusUrl: http://10.0.0.6:9090
  evidence:
    retention:
      traffic: 168h
      security: 2160h
      operations: 720h
      audit: 9600h
    samplePercent: 0.5
    sinks:
      - name: lines
        classes:
          - security
        wholePaths: true
        to:
          file:
            path: /var/log/coffre/events.jsonl
            rotateMegabytes: 64
            keep: 8
      - name: syslog
        to:
          syslog:
            address: siem.example
            port: 6514
            serverName: siem.example
            caFile: /etc/coffre/ca.pem
      - name: http
        to:
          http:
            url: https://siem.example/ingest
            caFile: /etc/coffre/ca.pem
            authorizationFile: /etc/coffre/token
      - name: out
        to:
          stdout: true
  tracing:
    collector:
      address: collector.example
      port: 4317
      serverName: collector.example
    samplePercent: 10
  telemetry:
    scrapers:
      - namespace: observability
        serviceAccount: prometheus
`,
  Tenant: `apiVersion: coffre.dev/v1alpha1
kind: Tenant
metadata:
  name: shop
  creationTimestamp: 2026-10-01T08:00:00Z
spec:
  environment: prod
  defaultAccess: none
  sealedServices:
    - database
  egress:
    - name: api.bank.example
      port: 443
      protocol: http
      region: eu-west-3
      jurisdiction: FR
      caBundle: |
        -----BEGIN CERTIFICATE-----
        MIIBfjCCASWgAwIBAgIUS6Aw5Uaj/XX46WvO59EbSvtYIl8wCgYIKoZIzj0EAwIw
        FTETMBEGA1UEAwwKZXhhbXBsZSBDQTAeFw0yNjExMjEyMzAyMDhaFw0zNjExMTgy
        MzAyMDhaMBUxEzARBgNVBAMMCmV4YW1wbGUgQ0EwWTATBgcqhkjOPQIBBggqhkjO
        PQMBBwNCAASvsmX81LFHnVpPokj8nZIUTAYU/MZy7HCwPwcdYjkBUVCun1azB+90
        r3jHmGfq9T5/8UTboA5vjmCaIGsCXLv8o1MwUTAdBgNVHQ4EFgQUjLEqwSl3C+uf
        Q0/IdXCcb9bw2TUwHwYDVR0jBBgwFoAUjLEqwSl3C+ufQ0/IdXCcb9bw2TUwDwYD
        VR0TAQH/BAUwAwEB/zAKBggqhkjOPQQDAgNHADBEAiBDQli2hE2UBXmehU85ufUf
        oeXBZYTEud0O+V5fK/DtugIgXA4cJ0Mkwrbsdk5vqz19xEbUnWHJpyOBcH9tcec7
        y3E=
        -----END CERTIFICATE-----
  allowedRegions:
    - eu-west-3
  allowedZones:
    - eu-west-3a
  encryptedStorageClasses:
    - encrypted
  images:
    registries:
      - registry.example/shop
    signedBy:
      - name: release
        publicKey: |
          -----BEGIN PUBLIC KEY-----
          MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=
          -----END PUBLIC KEY-----
  dedicatedNodes:
    sharedWith:
      - monitoring
  identityProviders:
    - name: staff
      preset: google
      issuer: https://accounts.google.com
      audiences:
        - orders.apps.googleusercontent.com
      hostedDomains:
        - example.com
      groupsClaim: https://orders.example/groups
      jwksUri: https://www.googleapis.com/oauth2/v3/certs
`,
  Grant: `apiVersion: coffre.dev/v1alpha1
kind: Grant
metadata:
  name: invoices
  namespace: shop
spec:
  from:
    tenant: billing
    serviceAccounts:
      - invoicer
  to:
    service: api
    ports:
      - 80
    methods:
      - GET
    paths:
      - /orders/*
    hosts:
      - api.shop.example
    headers:
      - name: x-team
        exact: red
  when: request.method == "GET"
  notAfter: 2027-01-31T18:00:00Z
  reason: billing reads orders once a day
`,
  AccessPolicy: `apiVersion: coffre.dev/v1alpha1
kind: AccessPolicy
metadata:
  name: api
  namespace: shop
spec:
  selector:
    matchLabels:
      app: api
  allow:
    - from:
        tenants:
          - billing
        serviceAccounts:
          - cart
        principals:
          - spiffe://prod.example/ns/billing/sa/invoicer
      to:
        methods:
          - GET
        paths:
          - /orders/*
        ports:
          - 8080
      notAfter: 2027-01-31T18:00:00Z
  deny:
    - to:
        paths:
          - /admin
`,
  TrafficPolicy: `apiVersion: coffre.dev/v1alpha1
kind: TrafficPolicy
metadata:
  name: api
  namespace: shop
spec:
  service: api
  ports:
    - 80
  circuitBreakers:
    maxConnections: 100
    maxPendingRequests: 50
    maxRequests: 200
    maxRetries: 2
  outlierDetection:
    consecutive5xx: 3
    interval: 5s
    baseEjectionTime: 15s
    maxEjectionPercent: 34
  timeouts:
    request: 2s
    idle: 1m
    connect: 250ms
  retries:
    attempts: 1
    retryOn:
      - connect-failure
      - gateway-error
    perTryTimeout: 500ms
`,
  Drill: `apiVersion: coffre.dev/v1alpha1
kind: Drill
metadata:
  name: api-fails
  namespace: shop
spec:
  hypothesis: orders succeed when the API fails now and then
  risk: the API fails
  mitigation: callers try again
  target:
    service: api
    port: 80
  method:
    abort:
      status: 503
      percent: 30
  blastRadius:
    callers:
      - tenant: billing
        serviceAccounts:
          - invoicer
    percent: 50
  steadyState:
    - name: orders-succeed
      source:
        traffic:
          metric: successRate
          group: control
      tolerance:
        atLeast: 0.99
      phases:
        - before
        - during
      interval: 500ms
      silence: 3s
    - name: front-answers
      source:
        http:
          url: http://10.0.0.5:9090/healthz
          expectStatus: 204
          metric: latency
      tolerance:
        atMost: 250
    - name: cart-serves
      source:
        grpcHealth:
          address: 10.0.0.5:9000
          service: shop.v1.Cart
      tolerance:
        atLeast: 1
    - name: orders-come-in
      source:
        promql:
          query: sum(rate(orders_total[1m]))
      tolerance:
        atLeast: 10
  abortOn:
    - probe: orders-succeed
    - alert: OrdersFailing
  duration: 5m
  observe: 1m
`,
  DrillConsent: `apiVersion: coffre.dev/v1alpha1
kind: DrillConsent
metadata:
  name: game-days
  namespace: shop
spec:
  asTarget:
    services:
      - api
    callerTenants:
      - billing
    methods:
      - abort
      - delay
    maxDuration: 10m
    maxPercent: 50
  asCaller:
    targetTenants:
      - shop
    methods:
      - openBreaker
    maxDuration: 5m
    maxPercent: 100
  windows:
    - days:
        - Tue
        - Thu
      from: "09:00"
      to: "17:00"
  notAfter: 2027-01-31T18:00:00Z
`,
  HTTPRoute: `apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata:
  name: api
  namespace: shop
  creationTimestamp: 2026-10-01T08:00:00Z
spec:
  parentRefs:
    - group: ""
      kind: Service
      namespace: shop
      name: api
      port: 80
      sectionName: http
  rules:
    - name: canary
      matches:
        - path:
            type: PathPrefix
            value: /v2
          headers:
            - type: Exact
              name: x-canary
              value: always
          method: GET
      backendRefs:
        - group: ""
          kind: Service
          namespace: shop
          name: api-v2
          port: 80
          weight: 90
      timeouts:
        request: 2s
        backendRequest: 1s500ms
`,
  ReferenceGrant: `apiVersion: gateway.networking.k8s.io/v1beta1
kind: ReferenceGrant
metadata:
  name: shop-names-api
  namespace: annex
  creationTimestamp: 2026-10-01T08:00:00Z
spec:
  from:
    - group: gateway.networking.k8s.io
      kind: HTTPRoute
      namespace: shop
  to:
    - group: ""
      kind: Service
      name: api
`,
  Namespace: `apiVersion: v1
kind: Namespace
metadata:
  name: shop
`,
  Node: `apiVersion: v1
kind: Node
metadata:
  name: node-1
  labels:
    topology.kubernetes.io/region: eu-west-3
    topology.kubernetes.io/zone: eu-west-3a
`,
  ServiceAccount: `apiVersion: v1
kind: ServiceAccount
metadata:
  name: cart
  namespace: shop
  labels:
    app: cart
`,
  Service: `apiVersion: v1
kind: Service
metadata:
  name: api
  namespace: shop
  labels:
    app: api
spec:
  type: ClusterIP
  clusterIP: 10.96.1.1
  clusterIPs:
    - 10.96.1.1
  selector:
    app: api
  ports:
    - name: http
      port: 80
      targetPort: http
      protocol: TCP
      appProtocol: http
`,
  Pod: `apiVersion: v1
kind: Pod
metadata:
  name: api-0
  namespace: shop
  creationTimestamp: 2026-10-01T08:00:00Z
  labels:
    app: api
  annotations:
    coffre.dev/capture: explicit
    coffre.dev/application-address: 127.0.5.1
    coffre.dev/outbound-addresses: shop/db=127.9.0.1
    coffre.dev/image-signatures: "[]"
    coffre.dev/injected-by: 1.0.0
  uid: 7b1f6c1e-8f0a-4c8e-9a39-0d6f3d2f2c11
  deletionTimestamp: 2027-01-31T18:00:00Z
spec:
  serviceAccountName: api
  nodeName: node-1
  hostNetwork: false
  containers:
    - name: app
      image: registry.example/app:1
      ports:
        - name: http
          containerPort: 8080
  initContainers:
    - name: migrate
      image: registry.example/migrate:1
      ports:
        - name: admin
          containerPort: 9090
  ephemeralContainers:
    - name: debugger
      image: registry.example/tools:1
status:
  phase: Running
  podIPs:
    - ip: 10.0.1.1
  containerStatuses:
    - name: app
      imageID: registry.example/app@sha256:0000000000000000000000000000000000000000000000000000000000000000
  initContainerStatuses:
    - name: migrate
      imageID: sha256:0000000000000000000000000000000000000000000000000000000000000000
  ephemeralContainerStatuses:
    - name: debugger
      imageID: ""
  conditions:
    - type: Ready
      status: "True"
`,
  EndpointSlice: `apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata:
  name: api-1
  namespace: shop
  labels:
    kubernetes.io/service-name: api
addressType: IPv4
endpoints:
  - addresses:
      - 10.0.1.1
    conditions:
      ready: true
    targetRef:
      kind: Pod
      name: api-0
ports:
  - name: http
    port: 8080
`,
};

/** The forms of a field that takes exactly one of several, where the complete object shows another. */
export const otherForms: readonly { readonly kind: Kind; readonly form: string; readonly text: string }[] = [
  ['openBreaker: {}', 'openBreaker'],
  ['throttleBreaker:\n      limit: 5', 'throttleBreaker'],
  ['delay:\n      duration: 2s\n      percent: 30', 'delay'],
  ['ejectEndpoint:\n      count: 1', 'ejectEndpoint'],
].map(([method = '', form = '']) => ({
  kind: 'Drill',
  form,
  text: completeObjects.Drill.replace('abort:\n      status: 503\n      percent: 30', method),
}));
