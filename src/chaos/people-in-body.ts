/**
 * The people in a record of the journal: who planned, approved, started, halted, pulled the lever.
 *
 *   body with names ──renamePeople(seal)──▶ body as it is kept ──renamePeople(reveal)──▶ body with names
 *
 * A name stands in `by`, and a reason may tell it once more; both are changed, and nothing else. So one function goes
 * both ways, and whoever keeps the record says what a name is kept as.
 * What it cannot know: another person whom somebody names in the words of a reason.
 */

interface Deed {
  readonly by?: unknown;
  readonly reason?: unknown;
}

/**
 * @param body JSON, of a run or of the lever.
 * @param rename of a name, or of what a name is kept as; its answer to one name is always the same within a body.
 */
export function renamePeople(body: string, rename: (name: string) => string): string {
  const record: Deed & { readonly events?: readonly Deed[] } = JSON.parse(body);
  const renamed = renameDeed(record, rename);
  return JSON.stringify(
    record.events === undefined
      ? renamed
      : { ...renamed, events: record.events.map((event) => renameDeed(event, rename)) },
  );
}

function renameDeed<Some extends Deed>(deed: Some, rename: (name: string) => string): Some {
  const { by, reason } = deed;
  if (typeof by !== 'string' || by === '') return deed;
  const name = rename(by);
  return {
    ...deed,
    by: name,
    ...(typeof reason === 'string' ? { reason: reason.replace(wholeWord(by), () => name) } : {}),
  };
}

/** Not as a part of a longer name: letters, digits, `_` and `-`, and a dot that another of these follows. */
function wholeWord(name: string): RegExp {
  return new RegExp(`(?<![\\w-]|\\w\\.)${name.replaceAll(/\W/g, '\\$&')}(?![\\w-]|\\.\\w)`, 'g');
}
