import { create, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import { describe, expect, test } from 'vitest';
import type { ClusterStatsSchema } from '#gen/envoy/config/endpoint/v3/load_report_pb.js';
import { LoadStatsRequestSchema } from '#gen/envoy/service/load_stats/v3/lrs_pb.js';
import { loadReportBytesMax } from '../../src/xds/load-limits.ts';
import { decodeLoadReport } from '../../src/xds/load-report.ts';

function reportOf(...clusterStats: MessageInitShape<typeof ClusterStatsSchema>[]): Uint8Array {
  const node = { id: 'shop/web-0', extensions: [{ name: 'one of four hundred' }] };
  return toBinary(LoadStatsRequestSchema, create(LoadStatsRequestSchema, { node, clusterStats }));
}

describe('a load report', () => {
  test('is summed over the localities of each cluster', () => {
    const report = reportOf(
      {
        clusterName: 'shop/api/80',
        upstreamLocalityStats: [
          { totalIssuedRequests: 7n, totalSuccessfulRequests: 4n, totalErrorRequests: 2n, totalRequestsInProgress: 1n },
          { totalIssuedRequests: 3n, totalSuccessfulRequests: 3n },
        ],
        totalDroppedRequests: 2n,
        loadReportInterval: { seconds: 1n, nanos: 500_000 },
      },
      { clusterName: 'shop/db/5432' },
    );
    expect(decodeLoadReport(report)).toEqual({
      kind: 'ok',
      loads: [
        { cluster: 'shop/api/80', issued: 10, succeeded: 7, failed: 2, dropped: 2, inProgress: 1, periodMs: 1_000.5 },
        { cluster: 'shop/db/5432', issued: 0, succeeded: 0, failed: 0, dropped: 0, inProgress: 0, periodMs: 0 },
      ],
    });
  });

  test('of no cluster, which every stream begins with, says nothing', () => {
    expect(decodeLoadReport(reportOf())).toEqual({ kind: 'ok', loads: [] });
  });

  test('that is cut off anywhere never throws, and says either what it says whole or less', () => {
    const whole = reportOf({ clusterName: 'shop/api/80', totalDroppedRequests: 2n });
    const kinds = Array.from(whole, (_, length) => decodeLoadReport(whole.subarray(0, length)).kind);
    expect(new Set(kinds)).toEqual(new Set(['ok', 'malformed']));
  });

  test('that is no message is malformed', () => {
    expect(decodeLoadReport(Buffer.from('GET / HTTP/1.1'))).toEqual({ kind: 'malformed' });
  });

  test('that is longer than the bound is not read', () => {
    expect(decodeLoadReport(new Uint8Array(loadReportBytesMax + 1))).toEqual({ kind: 'too-large' });
  });
});
