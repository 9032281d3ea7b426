/**
 * Every sentence of a report, in French. Same entries as english.ts; the compiler sees to it that none is missing.
 *
 * What somebody wrote is quoted as it stands, and the preface says so; what the journal says in words of ours is told
 * anew, by french-reasons.ts. Spaces are typed plainly here: french-typography.ts.
 */
import type { AbortCondition, BlastRadius, DrillMethod, Probe, ProbePhase } from '../../model/drill.ts';
import type { DrillPhase, DrillRecord, DrillView, ProbeMeasure, TimelineEntry, TimelineWord } from '../drill-engine.ts';
import type { Affected } from './affected-by.ts';
import type { ProxyTimes } from './drill-times.ts';
import type { Phrases } from './english.ts';
import { frenchReason } from './french-reasons.ts';
import { numeral, ours, quoted, say, spaced } from './french-typography.ts';
import type { Call, Occurrence, OccurrenceWord, ToldOutcome } from './happening.ts';
import type { GraphSeries } from './report-graphs.ts';
import { code, joined, nothing, type Rich, strong } from './rich-text.ts';
import { withoutSecrets } from './without-secrets.ts';

const verdicts: Readonly<Record<DrillView['verdict'], { readonly heading: string; readonly sentence: string }>> = {
  held: {
    heading: 'l’hypothèse a tenu',
    sentence: 'Chaque sonde est restée dans sa tolérance tant que la panne a duré, et après.',
  },
  deviated: {
    heading: 'l’hypothèse n’a pas tenu',
    sentence: 'Une sonde est sortie de sa tolérance ou s’est tue : ce que l’on croyait n’est pas vrai.',
  },
  unproven: {
    heading: 'rien n’est prouvé',
    sentence: 'Ce qui a été vu ne suffit pas pour dire si l’hypothèse tient : ce n’est une preuve ni pour ni contre.',
  },
  pending: {
    heading: 'encore en cours',
    sentence: 'L’exercice n’est pas terminé ; voici ce que l’on sait pour l’instant.',
  },
};

const phases: Readonly<Record<DrillPhase, string>> = {
  declared: 'déclaré',
  planned: 'planifié',
  approved: 'approuvé',
  running: 'en cours',
  aborting: 'en cours d’interruption',
  recovering: 'en cours de rétablissement',
  completed: 'mené à terme',
  aborted: 'interrompu',
  failed: 'échoué',
};

const how: Readonly<Record<ProxyTimes['state'], Rich>> = {
  planned: ours('non touché'),
  laid: strong(ours('la panne a été envoyée, et rien ne dit qu’elle en soit repartie')),
  effective: strong(ours('subit la panne')),
  withdrawn: strong(ours('retirée, mais pas encore vu sans elle')),
  clean: ours('confirmé : vu sans la panne'),
  expired: [...strong(ours('par expiration')), ...ours(' : hors d’atteinte')],
  excluded: strong(ours('écarté')),
};

const groups: Readonly<Record<Affected['group'], string>> = {
  struck: 'la panne lui était destinée',
  spared: 'épargné',
  idle: 'peut appeler et n’a pas été vu le faire, donc pas témoin',
  unplanned: 'n’appelait pas au moment du plan',
};

const series: Readonly<Record<GraphSeries['name'], string>> = {
  overflow: 'refusées par un disjoncteur, par seconde',
  failed: 'échouées autrement, par seconde',
  effective: 'proxys qui ont subi la panne',
  clean: 'proxys vus sans elle, ou par expiration',
};

const entryWords: Readonly<Record<TimelineWord, string>> = {
  planned: 'plan',
  approved: 'approbation',
  started: 'départ',
  'fault-laid': 'panne posée',
  'proxy-effective': 'panne en vigueur',
  'proxy-excluded': 'proxy écarté',
  'probe-breach': 'hors tolérance',
  'probe-silent': 'sonde muette',
  alert: 'alerte',
  halt: 'arrêt',
  lever: 'arrêt général',
  'consent-withdrawn': 'consentement retiré',
  deadline: 'échéance',
  'fault-withdrawn': 'panne retirée',
  'proxy-clean': 'proxy sans panne',
  'proxy-expired': 'proxy expiré',
  'proxy-differs': 'configuration changée',
  steady: 'régime stable',
  'found-unfinished': 'trouvé inachevé',
  'store-failed': 'journal en défaut',
  'clock-jumped': 'saut d’horloge',
  watchdog: 'chien de garde',
  outranked: 'autre commandement',
  ended: 'fin',
};

const otherWords: Readonly<Record<OccurrenceWord | ToldOutcome, string>> = {
  publication: 'nouvelle révision',
  push: 'envoi',
  ack: 'acceptation (ACK)',
  nack: 'refus (NACK)',
  ejected: 'éjection',
  returned: 'retour',
  certificate: 'certificat',
  problem: 'problème',
  'problem-solved': 'problème résolu',
  detector: 'détecteur',
  person: 'personne',
  'plaintext-attempt': 'appel en clair',
  'handshake-failure': 'poignée de main échouée',
  'undeclared-port': 'port non déclaré',
  loss: 'perte',
  store: 'registre',
  overflow: 'débordement',
  failed: 'échec',
  denied: 'refus',
};

const words: Readonly<Record<string, string>> = { ...entryWords, ...otherWords };

export const french: Phrases = {
  lang: 'fr',
  headings: {
    fallsShort: 'Ce qui manque',
    done: 'Ce qui a été fait',
    took: 'Combien de temps',
    who: 'Qui',
    reached: 'Qui a été touché',
    graphs: 'D’un coup d’œil',
    proxies: 'Proxys',
    probes: 'Sondes',
    timeline: 'Chronologie',
    evidence: 'Preuve',
  },
  columns: {
    took: ['De', 'à', 'durée'],
    who: ['Acte', 'Par'],
    reached: ['Locataire', 'Appelant', 'Groupe', 'Échecs', 'Sur', 'Premier', 'Dernier'],
    proxies: ['Proxy', 'En vigueur', 'Sans panne', 'Comment'],
    probes: ['Sonde', 'Mesure', 'Tolérance'],
    timeline: ['UTC', 'Depuis la panne', 'Quoi', 'Sur', 'Récit'],
  },
  phases: { before: 'avant', during: 'pendant', after: 'après' },
  preface: 'Les passages entre guillemets sont cités tels qu’ils ont été écrits, dans leur langue.',
  title: (drill, verdict) => say`Exercice de panne ${code(drill)} : ${ours(verdicts[verdict].heading)}`,
  number: (value) => numeral(value),
  ms: (ms) => ours(ms === undefined ? '–' : duration(ms)),
  rest: (count) => say`et ${ours(numeral(count))} de plus : voir ${code('-o json')}`,
  nobody: ours('personne'),

  hypothesis: (text) => say`${strong(ours('Hypothèse :'))} ${quoted(text)}`,
  verdict: (verdict) => [
    ...strong(ours('Verdict :')),
    ...ours(` ${verdicts[verdict].heading}. ${verdicts[verdict].sentence}`),
  ],
  ended: (phase, reason) => say`${strong(ours('Terminé'))} (${ours(phases[phase])}) : ${frenchReason(reason)}`,
  phase: (phase) => say`${strong(ours('Phase :'))} ${ours(phases[phase])}`,
  risk: (text) => say`${strong(ours('Risque éprouvé :'))} ${quoted(text)}`,
  mitigation: (text) => say`${strong(ours('Parade attendue :'))} ${quoted(text)}`,
  method: (method, service, port) =>
    say`${strong(ours('Méthode'))} ${code(method.kind)} : ${methodSentence(method, service, port)}`,
  radius: ({ callers, percent }: BlastRadius, touched, control, idle) => {
    const who = callers.map(({ tenant, serviceAccounts }) =>
      serviceAccounts.length === 0
        ? say`tous les appelants de ${code(tenant)}`
        : say`${joined(serviceAccounts.map(code), ', ')} de ${code(tenant)}`,
    );
    const others = ours(idle === 0 ? '' : ` ; pas comme témoins, faute d’appels vus : ${numeral(idle)}`);
    return say`${strong(ours('Périmètre :'))} ${percent} % de ${joined(who, ' et de ')} : ${ours(proxys(touched))}, groupe témoin de ${control}${others}`;
  },
  bounds: (durationMs, observeMs, until) =>
    say`${strong(ours('Limites :'))} ${ours(duration(durationMs))} au plus${ours(until === '' ? '' : `, jusqu’à ${until}`)} ; observé ${ours(duration(observeMs))} avant et après`,
  abortOn: (conditions: readonly AbortCondition[]) => {
    const each = conditions.map((condition) =>
      condition.kind === 'probe' ? say`la sonde ${code(condition.probe)}` : say`l’alerte ${code(condition.name)}`,
    );
    return say`${strong(ours('Interrompu par :'))} ${joined(each, ', ')} ; et toujours par le silence d’une sonde, un arrêt, l’arrêt général, le retrait d’un consentement`;
  },
  lasted: (ms) => say`${strong(ours('La panne a duré :'))} ${ours(ms === undefined ? '–' : duration(ms))}`,
  turnedAway: (overflows) =>
    overflows === undefined
      ? say`${strong(ours('Refusées par les disjoncteurs :'))} on l’ignore, personne ne l’a rapporté`
      : say`${strong(ours('Refusées par les disjoncteurs :'))} ${ours(numeral(overflows))} requêtes ou connexions`,
  plan: (hash) => say`${strong(ours('Plan :'))} ${code(hash)}`,
  knownBefore: (note) => say`${strong(ours('Su d’avance :'))} ${frenchReason(note)}`,

  took: {
    fault: ours('la panne'),
    lastEffective: (count) => say`le dernier des proxys vus la subir, sur ${ours(numeral(count))}`,
    noticed: (namesAlerts, alert) => {
      const which = ours(
        namesAlerts ? 'une alerte que l’exercice nomme' : 'une alerte quelconque, l’exercice n’en nommant aucune',
      );
      return alert === '' ? which : say`${which} : ${code(alert)}`;
    },
    itsEnd: ours('sa fin'),
    lastClean: ours('le dernier proxy vu sans panne'),
    withdrawal: ours('le retrait'),
    steady: ours('le régime stable'),
  },
  deeds: { planned: ours('planifié'), approved: ours('approuvé'), started: ours('lancé'), halted: ours('arrêté') },
  notNeeded: ours('personne, et il ne fallait personne'),

  proxy: {
    notSeen: ours('pas vu'),
    after: (ms) => ours(`après ${duration(ms)}`),
    how: (state, why) => (why === '' ? how[state] : say`${how[state]} : ${frenchReason(why)}`),
  },
  probe: {
    source: ({ source }: Probe) => {
      switch (source.kind) {
        case 'traffic':
          return say`${code(source.metric)} de la liaison éprouvée, ${ours(edgeGroups[source.group])}`;
        case 'http':
          return say`${code(source.metric)} de GET ${code(withoutSecrets(source.url))}, ${source.expectStatus} attendu`;
        case 'grpcHealth':
          return say`santé gRPC de ${code(source.service)} à ${code(source.address)}`;
        case 'promql':
          return say`PromQL ${code(source.query)}`;
      }
    },
    tolerance: ({ tolerance: { atLeast, atMost } }: Probe) =>
      ours(
        [
          ...(atLeast === undefined ? [] : [`au moins ${numeral(atLeast)}`]),
          ...(atMost === undefined ? [] : [`au plus ${numeral(atMost)}`]),
        ].join(', '),
      ),
    measure: (measure: ProbeMeasure | undefined) => {
      if (measure === undefined) return nothing;
      const { answers, breaches, range } = measure;
      if (range === undefined) return ours('aucune réponse');
      const { lowest, highest } = range;
      const values = lowest === highest ? numeral(lowest) : `de ${numeral(lowest)} à ${numeral(highest)}`;
      const told = ours(`${values} (${numeral(answers)} ${answers === 1 ? 'réponse' : 'réponses'})`);
      return breaches === 0 ? told : say`${told}, ${strong(ours(`${numeral(breaches)} hors tolérance`))}`;
    },
  },

  reached: {
    group: (group, proxies) => ours(proxies === 0 ? groups[group] : `${groups[group]} : ${proxys(proxies)}`),
    count: (count, isEstimate) => {
      if (count === undefined) return ours('inconnu');
      return ours(isEstimate && count > 0 ? `environ ${numeral(count)} (estimation)` : numeral(count));
    },
    nothingFelt: ours('aucun'),
    undated: ours('non enregistré un à un'),
    tenant: (tenant, failed, isEstimate) =>
      say`${strong(tenant === '' ? ours('appelants inconnus') : code(tenant))} : ${ours(isEstimate ? 'environ ' : '')}${ours(numeral(failed))} requêtes ou connexions ont échoué tant que la panne pouvait se faire sentir`,
    nobody: ours('aucun locataire : on ne connaît pas d’échec sur la liaison éprouvée'),
    basis: ours(
      'Compté d’après les rapports de charge jusqu’au retrait de la panne, dont la dernière seconde peut manquer, et d’après les appels enregistrés un à un jusqu’au dernier proxy vu sans elle. Les appelants qui n’ont rien senti figurent aussi.',
    ),
  },

  graph: {
    titles: { failures: 'Échecs sur la liaison éprouvée', proxies: 'Proxys' },
    description: (from, until, names) =>
      spaced(
        `De ${from} à ${until} : ${names.map((name) => series[name]).join(' ; ')}. La durée de la panne est ombrée. Les chiffres sont dans le tableau ci-dessous.`,
      ),
    series,
    phases: { before: 'avant', fault: 'panne', after: 'après' },
    table: { open: 'Les chiffres', moment: 'UTC' },
  },

  timeline: {
    word: (word) => ours(words[word] ?? word),
    entry: (entry: TimelineEntry, record: DrillRecord) => entrySentence(entry, record),
    times: (count, last) => say`${ours(numeral(count))} fois, la dernière à ${ours(last)}`,
    call: ({ outcome, caller, detail }: Call) => {
      const because = detail === '' ? [] : say` (${code(detail)})`;
      switch (outcome) {
        case 'passed':
          return say`${code(caller)} a eu sa réponse`;
        case 'overflow':
          return say`${code(caller)} a été refusé par son propre disjoncteur${because}`;
        case 'failed':
          return say`${code(caller)} n’a pas eu de bonne réponse${because}`;
        case 'denied':
          return say`${code(caller)} a été refusé par une règle${because}`;
        case 'answered-error':
          return say`${code(caller)} a reçu une erreur en réponse${because}`;
      }
    },
    occurrence: (occurrence: Occurrence) => {
      const { what, proxies = 0, resources = 0, words } = occurrence;
      const colon = words === '' ? [] : say` : ${quoted(words)}`;
      switch (what) {
        case 'publication':
          return say`une nouvelle révision est en vigueur pour ${ours(proxys(proxies))}${colon}`;
        case 'push':
          return say`${ours(numeral(resources))} ${ours(resources < 2 ? 'ressource envoyée' : 'ressources envoyées')} à ${ours(proxys(proxies))}`;
        case 'ack':
          return say`accepté par ${ours(proxys(proxies))}`;
        case 'nack':
          return say`refusé par ${ours(proxys(proxies))}${colon}`;
        case 'ejected':
          return say`retiré de la répartition de charge par ${code(words)}`;
        case 'returned':
          return say`de retour dans la répartition de charge de ${code(words)}`;
        case 'problem-solved':
          return say`résolu${colon}`;
        case 'person':
          return say`demandé par ${code(words)}`;
        case 'plaintext-attempt':
          return say`${code(words)} est venu sans TLS et n’est pas entré`;
        case 'handshake-failure':
          return say`la poignée de main TLS a échoué${colon}`;
        case 'undeclared-port':
          return say`${code(words)} a composé ce qui n’est pas déclaré`;
        case 'certificate':
        case 'problem':
        case 'detector':
        case 'loss':
        case 'store':
          return quoted(words);
      }
    },
    omitted: (count) =>
      say`${ours(numeral(count))} lignes de plus n’ont pas leur place ici ; elles sont dans les preuves`,
  },

  shortfall: {
    none: ours('rien que ce rapport puisse dire'),
    expired: (clean, expired, which) =>
      say`${clean} confirmés, ${expired} par expiration : ${which} n’a pas pu être vu sans la panne ; elle s’y est éteinte avec sa durée de vie`,
    open: (which) => say`sans certitude que la panne en soit partie : ${which}`,
    differs: (proxy, why) => say`${code(proxy)} n’a plus la même configuration qu’avant : ${frenchReason(why)}`,
    unseen: (which) => say`la panne n’a jamais été vue en vigueur : ${which}`,
    excluded: (which) => say`écartés, donc non éprouvés : ${which}`,
    unanswered: (probe: string, phase: ProbePhase) =>
      say`${code(probe)} n’a eu aucune réponse ${ours(french.phases[phase])} la panne`,
    lostSight: ours(
      'le plan de contrôle s’est arrêté alors que la panne était posée : elle s’est éteinte dans chaque proxy avec sa durée de vie, et ce qui avait été compté et mesuré jusque-là est perdu',
    ),
    unnoticed: (namesAlerts) =>
      ours(
        `personne ne l’a remarqué : aucune alerte${namesAlerts ? ' que l’exercice nomme' : ''} ne s’est déclenchée une fois la panne posée`,
      ),
    unsteady: ours('le retour au régime stable n’a pas été vu'),
    noControl: ours('il n’y avait pas de groupe témoin : rien ne distingue la panne de ce qui se passait par ailleurs'),
    neverLaid: ours('la panne n’a jamais été posée : rien n’a été éprouvé'),
    unreported: ours('la charge des appelants est inconnue : le nombre total de requêtes n’a pas été rapporté'),
    cut: ours('il s’est passé plus de choses que ce rapport n’en a lu : ses comptes d’appels un à un sont trop bas'),
    more: (count) => say` et ${ours(numeral(count))} de plus`,
    bounded: (tenant) =>
      say`voici ce que ${code(tenant)}, qui l’a subi, peut en voir ; les personnes, les sondes et les autres proxys figurent dans le rapport de son propriétaire`,
  },
  evidence: (head) =>
    head === undefined
      ? ours('Il n’y avait encore aucune preuve enregistrée quand ce rapport a été fait.')
      : say`Établi d’après la chaîne de preuves jusqu’à ${code(head)} (réplique, position, empreinte) : une chaîne où cet enregistrement manque a été tronquée depuis. Les octets exacts de ce rapport sont signés, dans le fichier du même nom suivi de ${code('.sig')}.`,
};

const edgeGroups: Readonly<Record<'experiment' | 'control' | 'all', string>> = {
  experiment: 'groupe éprouvé',
  control: 'groupe témoin',
  all: 'tous les appelants',
};

function methodSentence(method: DrillMethod, service: string, port: number): Rich {
  const to = say`${code(service)} port ${port}`;
  switch (method.kind) {
    case 'openBreaker':
      return say`le disjoncteur des appelants vers ${to} n’a plus laissé passer de requête (HTTP) ni de nouvelle connexion (TCP) ; les connexions TCP déjà établies ont continué`;
    case 'throttleBreaker':
      return say`le disjoncteur des appelants vers ${to} a laissé passer à la fois ${method.limit} requêtes (HTTP) ou connexions (TCP) par proxy`;
    case 'abort':
      return say`${method.percent} % des requêtes des appelants vers ${to} ont reçu ${method.status} du sidecar de la cible elle-même`;
    case 'delay':
      return say`${method.percent} % des requêtes des appelants vers ${to} ont attendu ${ours(duration(method.delayMs))} dans le sidecar de la cible elle-même`;
    case 'ejectEndpoint':
      return say`${method.count} des points d’accès de ${to} ont répondu 503 aux appelants, pour que la détection d’anomalies les éjecte`;
  }
}

/** What the journal says in words is told anew where the record knows it, and quoted where only the words do. */
function entrySentence({ what, text, atMs }: TimelineEntry, record: DrillRecord): Rich {
  switch (what) {
    case 'planned':
      return record.plannedBy === '' ? quoted(text) : say`planifié par ${code(record.plannedBy)}`;
    case 'approved':
      return record.approvedBy === '' ? quoted(text) : say`approuvé par ${code(record.approvedBy)}`;
    case 'started':
      return record.startedBy === ''
        ? quoted(text)
        : say`lancé par ${code(record.startedBy)} ; le régime stable est observé d’abord`;
    case 'fault-laid':
      return say`${code(record.definition.method.kind)} posé sur les proxys du périmètre, d’un seul coup`;
    case 'proxy-effective':
      return ours('la panne a été vue dans ses valeurs d’exécution');
    case 'probe-silent':
      return ours('trop longtemps sans réponse, ce qui vaut un écart');
    case 'alert':
      return atMs < record.faultAtMs || record.faultAtMs === 0
        ? ours('déclenchée, depuis avant la panne')
        : ours(`déclenchée ${duration(atMs - record.faultAtMs)} après la panne`);
    case 'deadline':
      return ours('la panne a duré le temps prévu');
    case 'fault-withdrawn':
      return ours('retirée de tous les proxys');
    case 'proxy-expired':
      return ours('hors d’atteinte, et sa couche a dépassé sa durée de vie');
    case 'steady':
      return ours('toutes les sondes sont de nouveau dans leur tolérance');
    case 'found-unfinished':
      return ours('le plan de contrôle a redémarré et trouvé l’exercice inachevé');
    case 'ended':
      return say`${ours(phases[record.phase])} : ${ours(verdicts[record.verdict].heading)}`;
    case 'proxy-clean':
    case 'proxy-excluded':
    case 'proxy-differs':
    case 'probe-breach':
    case 'halt':
    case 'lever':
    case 'consent-withdrawn':
    case 'store-failed':
    case 'clock-jumped':
    case 'watchdog':
    case 'outranked':
      return frenchReason(text);
  }
}

function proxys(count: number): string {
  return `${numeral(count)} ${count < 2 ? 'proxy' : 'proxys'}`;
}

function duration(ms: number): string {
  if (Math.abs(ms) < 1_000) return `${numeral(ms)} ms`;
  if (ms < 120_000) return `${numeral(ms / 1_000)} s`;
  const [minutes, seconds] = [Math.floor(ms / 60_000), Math.round((ms % 60_000) / 1_000)];
  return seconds === 0 ? `${minutes} min` : `${minutes} min ${seconds} s`;
}
