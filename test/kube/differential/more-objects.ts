/** Fields that the complete objects of the model's tests leave out, for the differential test to slip on. */
export const moreObjects: readonly string[] = [
  `apiVersion: coffre.dev/v1alpha1
kind: Mesh
metadata:
  name: default
spec:
  trustDomain: prod.example
  authorization:
    mode: dynamicOnly
  dns:
    resolvers: [10.96.0.10, "fd00::10"]
`,
  `apiVersion: coffre.dev/v1alpha1
kind: AccessPolicy
metadata:
  name: people
  namespace: shop
spec:
  enforcement: Audit
  allow:
    - to:
        hosts: ["*.example.com", api.example.com]
        headers:
          - name: x-team
            exact: red
          - name: x-canary
            present: true
      token:
        provider: staff
        groups: [accounting]
        claims:
          - path: [address, country]
            values: [FR]
      when: request.method == "GET"
`,
  `apiVersion: coffre.dev/v1alpha1
kind: Grant
metadata:
  name: invoices
  namespace: shop
spec:
  from:
    tenant: billing
  to:
    service: api
    hosts: [api.example.com]
    headers:
      - name: x-team
        prefix: red-
  when: request.method == "GET"
  reason: billing reads orders once a day
`,
  `apiVersion: coffre.dev/v1alpha1
kind: Grant
metadata:
  name: archive
  namespace: shop
spec:
  from:
    tenant: billing
  to:
    volume: archive
  reason: billing audits the archive
`,
  `apiVersion: coffre.dev/v1alpha1
kind: Tenant
metadata:
  name: shop
spec:
  environment: prod
  identityProviders:
    - name: staff
      preset: entra
      issuer: https://login.microsoftonline.com/11111111-2222-3333-4444-555555555555/v2.0
      audiences: [api://orders]
    - name: partners
      preset: oidc
      issuer: https://idp.example:8443/realms/one
      audiences: [orders]
    - name: customers
      preset: auth0
      issuer: https://example.eu.auth0.com/
      audiences: [orders]
`,
  `apiVersion: coffre.dev/v1alpha1
kind: DrillConsent
metadata:
  name: callers-only
  namespace: shop
spec:
  asCaller:
    targetTenants: [shop]
    methods: [delay]
    maxDuration: 5m
    maxPercent: 10
`,
  `apiVersion: coffre.dev/v1alpha1
kind: Drill
metadata:
  name: api-is-slow
  namespace: shop
spec:
  hypothesis: orders keep their pace
  target: {service: api, port: 80}
  method:
    delay: {duration: 2s, percent: 30}
  blastRadius:
    callers: [{tenant: billing}]
    percent: 50
  steadyState:
    - name: pace
      source:
        traffic: {metric: requestsPerSecond}
      tolerance: {atLeast: 50, atMost: 250}
      interval: 10s
      silence: 5m
  abortOn:
    - probe: pace
  duration: 5m
  observe: 1m
`,
];
