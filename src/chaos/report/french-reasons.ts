/**
 * Our own reasons and notes in French, by what the journal says in English; what is none of ours is quoted as it stands.
 *
 *   the alert `x` fires; 2 confirmed ──sentences──▶ l’alerte `x` s’est déclenchée ; 2 confirmés
 *
 * A journal holds sentences and no codes, also those of years ago, so they are known by their form. A sentence that was
 * changed and is missing here is quoted in English: less well told, and never wrong.
 */
import { numeral, ours, quoted } from './french-typography.ts';
import { code, joined, type Rich } from './rich-text.ts';

/** What stands in a hole of a sentence: a name, a number, words of others, more sentences of ours, or a list of them. */
const holes = { name: '`([^`]+)`', n: '(-?\\d+(?:\\.\\d+)?)', words: '(.+)', told: '(.+)', list: '(.+)' } as const;

type Hole = keyof typeof holes;

/** The first that fits counts. The French has the same holes in the same order. */
const sentences = [
  [
    '{told}; the observation after it was cut short: {told}',
    '{told} ; l’observation qui suivait a été écourtée : {told}',
  ],
  ['{told}; {n} confirmed', '{told} ; {n} confirmés'],
  ['{told}; {n} confirmed, {n} by expiry', '{told} ; {n} confirmés, {n} par expiration'],
  ['{told}; {n} confirmed, {n} awaited', '{told} ; {n} confirmés, {n} attendus'],
  ['{told}; {n} confirmed, {n} by expiry, {n} awaited', '{told} ; {n} confirmés, {n} par expiration, {n} attendus'],
  ['halted by {name}', 'arrêté par {name}'],
  ['halted by {name}: {words}', 'arrêté par {name} : {words}'],
  ['refused the layer: {words}', 'a refusé la couche : {words}'],
  ['the journal cannot be written: {words}', 'le journal ne peut être écrit : {words}'],
  ['the deadline was reached', 'l’échéance a été atteinte'],
  ['the alert {name} fires', 'l’alerte {name} s’est déclenchée'],
  ['the probe {name} is silent', 'la sonde {name} s’est tue'],
  ['the probe {name} left its tolerance', 'la sonde {name} est sortie de sa tolérance'],
  ['steady state does not hold before the fault: {list}', 'le régime n’est pas stable avant la panne : {list}'],
  ['{name} (silent: it gave no answer)', '{name} (muette : aucune réponse)'],
  ['{name} ({n})', '{name} ({n})'],
  ['{name} ({n} to {n})', '{name} (de {n} à {n})'],
  ['{name}', '{name}'],
  ['the observation before the fault came to no end', 'l’observation avant la panne n’a pas abouti'],
  ['no proxy can take the fault', 'aucun proxy ne peut recevoir la panne'],
  ['no proxy is left that takes the fault', 'il ne reste aucun proxy qui reçoive la panne'],
  ['the control plane restarted', 'le plan de contrôle a redémarré'],
  ['the control plane stops', 'le plan de contrôle s’arrête'],
  ['nobody judged the drill for {n} s', 'personne n’a jugé l’exercice pendant {n} s'],
  ['no replica leads now', 'aucun réplica ne commande à présent'],
  ['the replica {name} leads, and this one does not', 'le réplica {name} commande, et non celui-ci'],
  [
    'its replica {name} is out of reach ({words}), and takes the fault back by itself',
    'son réplica {name} est hors d’atteinte ({words}) et retire la panne de lui-même',
  ],
  ['what was to be done could not be done', 'ce qui était à faire n’a pu l’être'],
  [
    'the wall clock leapt by {n} s, so no window of consent can be judged',
    'l’horloge a sauté de {n} s : aucune fenêtre de consentement ne peut être jugée',
  ],
  ['another approval took its place', 'une autre approbation a pris sa place'],
  ['it was planned anew and needs no approval', 'il a été planifié à nouveau et se passe d’approbation'],
  ['the mesh cannot be read', 'la configuration du maillage ne peut être lue'],
  ['the drill is not in force any more', 'l’exercice n’est plus en vigueur'],
  ['the drill was changed', 'l’exercice a été modifié'],
  ['{name} has no port {n} any more', '{name} n’a plus de port {n}'],
  ['it is ended early', 'il est en cours d’interruption'],
  ['the fault is withdrawn', 'la panne est retirée'],
  ['it was ended early', 'il a été interrompu'],
  ['it failed', 'il a échoué'],
  ['as it was before', 'comme avant'],
  ['differs from before: {list}', 'diffère d’avant : {list}'],
  ['what its configuration was before is no longer known', 'on ne sait plus quelle était sa configuration avant'],
  ['is not connected', 'n’est pas connecté'],
  [
    'does not take resources with a TTL, so a fault could not end by itself',
    'n’accepte pas de ressource à durée de vie : une panne ne pourrait y finir d’elle-même',
  ],
  ['has no fault armed for any of the callers', 'n’a de panne armée pour aucun des appelants'],
  [
    'could not be looked at before the fault, so its end could not be seen either',
    'n’a pu être examiné avant la panne : sa fin n’aurait pu être vue non plus',
  ],
  ['outside its tolerance', 'hors de sa tolérance'],
  ['{n}, below {n}', '{n}, sous {n}'],
  ['{n}, above {n}', '{n}, au-dessus de {n}'],
  ['felt by {list}', 'ressenti par {list}'],
  ['no fault is armed for {name}: it feels nothing', 'aucune panne n’est armée pour {name} : il ne sent rien'],
  ['{n} % of {n} proxies of callers is {n}', '{n} % des {n} proxys appelants font {n}'],
  ['{n} % of {n} proxies of callers is {n}, rounded up', '{n} % des {n} proxys appelants font {n}, arrondi au-dessus'],
  ['{n} % of {n} identities of callers is {n}', '{n} % des {n} identités appelantes font {n}'],
  [
    '{n} % of {n} identities of callers is {n}, rounded up',
    '{n} % des {n} identités appelantes font {n}, arrondi au-dessus',
  ],
  [
    'connections that are established go on; new ones are closed by the breaker',
    'les connexions établies continuent ; le disjoncteur ferme les nouvelles',
  ],
  [
    'requests under way go on, and no connection is closed; new requests are answered 503 with the flag UO',
    'les requêtes en cours continuent, aucune connexion n’est fermée ; les nouvelles requêtes reçoivent 503 avec l’indicateur UO',
  ],
  [
    'of {n} endpoints outlier detection may eject {n} ({n} %): nothing is ejected, and callers go on to meet the fault',
    'sur {n} points d’accès, la détection d’anomalies peut en éjecter {n} ({n} %) : aucun ne l’est, et les appelants continuent de subir la panne',
  ],
  [
    'of {n} endpoints outlier detection may eject {n} ({n} %); {n} failures in a row eject one for {n} s',
    'sur {n} points d’accès, la détection d’anomalies peut en éjecter {n} ({n} %) ; {n} échecs de suite en éjectent un pour {n} s',
  ],
  ['{n} that fail stay in', 'en échec et pourtant gardés : {n}'],
  [
    '{n} ejections leave fewer than {n} % healthy: panic, and callers send to every endpoint',
    'avec {n} éjections il en reste moins de {n} % de sains : panique, et les appelants envoient à tous',
  ],
  [
    '{n} ejections leave {n} of {n}: no panic, which begins below {n} %',
    'avec {n} éjections il en reste {n} sur {n} : pas de panique, qui commence sous {n} %',
  ],
  [
    'the control group is empty: of {list} there will be no value, which is a breach',
    'le groupe témoin est vide : {list} sans aucune valeur, ce qui vaut un écart',
  ],
  [
    'every caller of the radius is struck: of {list} there is a value only while others call the target',
    'tous les appelants du périmètre sont touchés : {list} sans valeur tant que d’autres n’appellent pas la cible',
  ],
] as const;

const known = sentences.map(([english, french]) => ({ form: formOf(english), parts: partsOf(french) }));

/** @param text of the journal: ours, of a person or of a proxy. */
export function frenchReason(text: string): Rich {
  for (const { form, parts } of known) {
    const found = form.exec(text);
    if (found === null) continue;
    let hole = 0;
    return parts.flatMap((part) => {
      if (!isHole(part)) return ours(part);
      hole += 1;
      return filled(part, found[hole] ?? '');
    });
  }
  return quoted(text);
}

function filled(hole: Hole, text: string): Rich {
  switch (hole) {
    case 'name':
      return code(text);
    case 'n':
      // Not rounded once more: the last digits of a breach may be what makes it one.
      return ours(text.includes('.') ? text.replace('.', ',') : numeral(Number(text)));
    case 'words':
      return quoted(text);
    case 'told':
      return frenchReason(text);
    case 'list':
      return joined(text.split(/, (?=`)/).map(frenchReason), ', ');
  }
}

/** Words and holes by turns. */
function partsOf(sentence: string): readonly string[] {
  return sentence.split(/\{(\w+)\}/).filter((part) => part !== '');
}

function formOf(sentence: string): RegExp {
  const parts = partsOf(sentence).map((part) =>
    isHole(part) ? holes[part] : part.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&'),
  );
  return new RegExp(`^${parts.join('')}$`, 'su');
}

function isHole(part: string): part is Hole {
  return Object.hasOwn(holes, part);
}
