/**
 * Envoy's API as protobuf-es code under gen/, which git ignores and the sources import as `#gen/*`.
 *
 *   node_modules/@grpc/grpc-js-xds/deps ──stage──▶ .cache/proto ──amend──▶ buf + protoc-gen-es ──▶ gen/
 *
 * The surprise: that package carries the API of an older Envoy, so the staged copy gains the few younger fields
 * we use. Every amendment names an anchor line and fails when the anchor is gone, so that an update of the
 * package cannot silently drop a field.
 */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { cp, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const roots = ['envoy-api', 'googleapis', 'protoc-gen-validate', 'xds'];

/** Fields younger than the staged API, and one that its own validation file forgot. */
const amendments = [
  {
    file: 'protoc-gen-validate/validate/validate.proto',
    why: 'StringRules.ignore_empty is used by the Envoy API and missing from this copy',
    anchor: 'message StringRules {',
    insert: '    optional bool ignore_empty = 26;',
  },
  {
    file: 'envoy-api/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy.proto',
    why: 'tcp_proxy.upstream_connect_mode: no upstream connection before a good TLS handshake',
    anchor: 'message TcpProxy {',
    insert:
      '  UpstreamConnectMode upstream_connect_mode = 21;\n  google.protobuf.UInt32Value max_early_data_bytes = 22;',
  },
  {
    file: 'envoy-api/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy.proto',
    why: 'the modes of upstream_connect_mode',
    anchor: '// [#next-free-field:',
    before: true,
    insert:
      'enum UpstreamConnectMode {\n  IMMEDIATE = 0;\n  ON_DOWNSTREAM_DATA = 1;\n  ON_DOWNSTREAM_TLS_HANDSHAKE = 2;\n}\n',
  },
  {
    file: 'envoy-api/envoy/config/rbac/v3/rbac.proto',
    why: 'Permission.sourced_metadata replaces the deprecated Permission.metadata',
    anchor: '    core.v3.TypedExtensionConfig uri_template = 13;',
    insert: '\n    SourcedMetadata sourced_metadata = 14;',
  },
  {
    file: 'envoy-api/envoy/config/rbac/v3/rbac.proto',
    why: 'the messages of sourced_metadata',
    anchor: 'message Permission {',
    before: true,
    insert:
      'enum MetadataSource {\n  DYNAMIC = 0;\n  ROUTE = 1;\n}\n\nmessage SourcedMetadata {\n  type.matcher.v3.MetadataMatcher metadata_matcher = 1;\n  MetadataSource metadata_source = 2;\n}\n',
  },
  {
    file: 'envoy-api/envoy/config/common/mutation_rules/v3/mutation_rules.proto',
    why: 'HeaderMutation.remove_on_match removes a whole family of headers',
    anchor: '    core.v3.HeaderValueOption append = 2;',
    insert: '    RemoveOnMatch remove_on_match = 3;',
  },
  {
    file: 'envoy-api/envoy/config/common/mutation_rules/v3/mutation_rules.proto',
    why: 'the message of remove_on_match',
    anchor: 'message HeaderMutation {',
    insert:
      '  message RemoveOnMatch {\n    type.matcher.v3.StringMatcher key_matcher = 1 [(validate.rules).message = {required: true}];\n  }\n',
  },
  {
    file: 'envoy-api/envoy/config/common/mutation_rules/v3/mutation_rules.proto',
    why: 'the matcher of remove_on_match',
    anchor: 'import "envoy/type/matcher/v3/regex.proto";',
    insert: 'import "envoy/type/matcher/v3/string.proto";',
  },
  {
    file: 'envoy-api/envoy/extensions/upstreams/http/v3/http_protocol_options.proto',
    why: 'HttpProtocolOptions.retry_policy: a retry of our own calls that goes to another host',
    anchor: '  repeated filters.network.http_connection_manager.v3.HttpFilter http_filters = 6;',
    insert: '\n  config.route.v3.RetryPolicy retry_policy = 11;',
  },
  {
    file: 'envoy-api/envoy/extensions/upstreams/http/v3/http_protocol_options.proto',
    why: 'the message of retry_policy',
    anchor: 'import "envoy/config/core/v3/protocol.proto";',
    insert: 'import "envoy/config/route/v3/route_components.proto";',
  },
];

/**
 * @param {string} repo absolute path of the checkout
 * @returns {Promise<void>}
 */
export async function generateProtos(repo) {
  const staged = join(repo, '.cache', 'proto');
  await stage(join(repo, 'node_modules/@grpc/grpc-js-xds/deps'), staged);
  for (const amendment of amendments) await amend(staged, amendment);

  const listed = (await readFile(join(repo, 'proto/envoy-protos.txt'), 'utf8'))
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'));
  const rootOf = (path) =>
    path.startsWith('google/') ? 'googleapis' : path.startsWith('envoy/') ? 'envoy-api' : 'xds';

  await writeFile(
    join(staged, 'buf.yaml'),
    `version: v2\nmodules:\n${[...roots, 'coffre'].map((root) => `  - path: ${root}\n`).join('')}`,
  );
  await cp(join(repo, 'proto'), join(staged, 'coffre'), { recursive: true, filter: (from) => !from.endsWith('.txt') });
  const ours = (await readdir(join(staged, 'coffre'), { recursive: true })).filter((name) => name.endsWith('.proto'));

  const fresh = join(repo, '.cache', 'gen.new');
  await rm(fresh, { recursive: true, force: true });
  const template = {
    version: 'v2',
    plugins: [
      {
        local: [
          join(repo, 'node_modules/.bin/node'),
          join(repo, 'node_modules/@bufbuild/protoc-gen-es/bin/protoc-gen-es'),
        ],
        out: fresh,
        strategy: 'all',
        include_imports: true,
        opt: ['target=js+dts', 'import_extension=js'],
      },
    ],
  };
  const paths = [...listed.map((path) => `${rootOf(path)}/${path}`), ...ours.map((path) => `coffre/${path}`)];
  await run(
    join(repo, 'node_modules/.bin/node'),
    [
      join(repo, 'node_modules/@bufbuild/buf/bin/buf'),
      'generate',
      '--template',
      JSON.stringify(template),
      ...paths.flatMap((path) => ['--path', path]),
    ],
    { cwd: staged, maxBuffer: 64 << 20 },
  );
  await swap(fresh, join(repo, 'gen'), join(repo, '.cache', 'gen.old'));
}

/** Two renames, so that whoever imports from gen/ meanwhile misses it for an instant rather than for a whole delete. */
async function swap(fresh, target, aside) {
  await rm(aside, { recursive: true, force: true });
  if (existsSync(target)) await rename(target, aside);
  await rename(fresh, target);
  await rm(aside, { recursive: true, force: true });
}

async function stage(from, to) {
  await rm(to, { recursive: true, force: true });
  await mkdir(to, { recursive: true });
  for (const root of roots) {
    const names = await readdir(join(from, root), { recursive: true });
    for (const name of names) {
      if (!name.endsWith('.proto') || name.startsWith('tests/')) continue;
      const text = await readFile(join(from, root, name), 'utf8');
      const target = join(to, root, name);
      await mkdir(join(target, '..'), { recursive: true });
      await writeFile(target, text.replaceAll('\r\n', '\n'));
    }
  }
}

async function amend(staged, { file, why, anchor, insert, before = false }) {
  const path = join(staged, file);
  const text = await readFile(path, 'utf8');
  const at = text.indexOf(anchor);
  if (at < 0) {
    throw new Error(
      `cannot amend ${file} (${why}): the line \`${anchor}\` is not there; see which fields the installed @grpc/grpc-js-xds has and edit tools/setup/protos.mjs`,
    );
  }
  const lineEnd = text.indexOf('\n', at) + 1;
  // A comment block above a message belongs to it: insert before the block, not between the two.
  const lineStart = before ? startOfComment(text, at) : lineEnd;
  await writeFile(path, `${text.slice(0, lineStart)}${insert}\n${text.slice(lineStart)}`);
}

function startOfComment(text, at) {
  let start = text.lastIndexOf('\n', at - 1) + 1;
  while (start > 0) {
    const previous = text.lastIndexOf('\n', start - 2) + 1;
    if (!text.slice(previous, start).trimStart().startsWith('//')) break;
    start = previous;
  }
  return start;
}
