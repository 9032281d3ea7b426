/**
 * The report of one drill, in one of three forms and two languages.
 *
 *   record + what else happened ──▶ blocks ──▶ Markdown · HTML
 *                               └────────────▶ JSON, which is whole
 *
 * The same material gives the same bytes, so that a report can be signed, and made again. Nothing that a tenant, a proxy
 * or an alert wrote can become markup: rich-text.ts.
 */
import { affectedBy } from './affected-by.ts';
import { drillTimes } from './drill-times.ts';
import { english, type Phrases } from './english.ts';
import { french } from './french.ts';
import { html } from './html.ts';
import { markdown } from './markdown.ts';
import { mergedTimeline } from './merged-timeline.ts';
import { type ReportMaterial, reportBlocks } from './report-blocks.ts';
import type { ReportForm, ReportLanguage } from './report-form.ts';
import type { Graph } from './report-graphs.ts';
import { plain } from './rich-text.ts';
import { shortfalls } from './shortfalls.ts';
import type { GraphWords } from './svg.ts';
import { withoutSecrets } from './without-secrets.ts';

/** Of the JSON form: a field may be added under it, none is renamed or taken away. */
const reportVersion = 'coffre.dev/drill-report/v1';

const phrasesOf: Readonly<Record<ReportLanguage, Phrases>> = { en: english, fr: french };

export function drillReport(material: ReportMaterial, form: ReportForm, language: ReportLanguage): string {
  const phrases = phrasesOf[language];
  switch (form) {
    case 'markdown':
      return markdown(reportBlocks(material, phrases));
    case 'html':
      return html(reportBlocks(material, phrases), {
        lang: phrases.lang,
        graph: (graph) => graphWords(graph, phrases),
        graphTable: phrases.graph.table,
      });
    case 'json':
      return `${JSON.stringify(wholeReport(material, phrases), null, 2)}\n`;
  }
}

function graphWords({ name, fromMs, untilMs, series }: Graph, { graph, number }: Phrases): GraphWords {
  const [from, until] = [fromMs, untilMs].map((ms) => new Date(ms).toISOString());
  return {
    title: graph.titles[name],
    description: graph.description(
      from ?? '',
      until ?? '',
      series.map((each) => each.name),
    ),
    ...graph.phases,
    series: graph.series,
    number,
  };
}

/** Sentences in the language that was asked for; names, words and numbers as they are, for a machine. */
function wholeReport({ record, happenings, head }: ReportMaterial, phrases: Phrases): object {
  const { definition } = record;
  const affected = affectedBy(record, happenings.each);
  const missing = shortfalls({ record, times: drillTimes(record), affected, isCut: happenings.isCut }, phrases);
  const steadyState = definition.steadyState.map((probe) =>
    probe.source.kind === 'http'
      ? { ...probe, source: { ...probe.source, url: withoutSecrets(probe.source.url) } }
      : probe,
  );
  return {
    version: reportVersion,
    language: phrases.lang,
    title: plain(phrases.title(record.drill, record.verdict)),
    fallsShort: (record.boundedTo === undefined ? missing : [phrases.shortfall.bounded(record.boundedTo)]).map(plain),
    evidenceHead: head ?? null,
    evidenceIsCut: happenings.isCut,
    affected,
    timeline: mergedTimeline(record, happenings.each),
    record: { ...record, definition: { ...definition, steadyState } },
  };
}
