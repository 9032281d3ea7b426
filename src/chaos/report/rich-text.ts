/**
 * Words of ours with words of others in them, before anybody decides between Markdown and HTML.
 *
 *   say`${name} fires, since ${moment}` ──▶ pieces ──▶ markdown.ts · html.ts · plain text
 *
 * What stands in the template is ours; every string put into it is somebody else's, and is taken as such without being
 * asked: no control character, no line end, cut, and whatever it holds is text. In it, what stands between two backticks
 * is a name, as our own messages write them. A renderer has only to escape.
 */

export type Rich = readonly Piece[];

export type Piece =
  | { readonly kind: 'ours' | 'told' | 'code'; readonly text: string }
  | { readonly kind: 'strong'; readonly pieces: Rich };

/** Longest text of others in one place, in UTF-16 code units. */
const textLengthMax = 600;

/** @param parts strings are words of others. */
export function say(literals: TemplateStringsArray, ...parts: readonly (string | number | Rich)[]): Rich {
  return literals.flatMap((literal, index) => {
    const part = parts[index];
    const piece = part === undefined ? [] : typeof part === 'object' ? part : pieces(part);
    return literal === '' ? piece : [...ours(literal), ...piece];
  });
}

/** Words of ours that stand in no template, such as one that was chosen. */
export function ours(text: string): Rich {
  return [{ kind: 'ours', text }];
}

/** A name, or a dash where there is none. */
export function code(text: string): Rich {
  const shown = harmless(text);
  return shown.trim() === '' ? nothing : [{ kind: 'code', text: shown }];
}

export function strong(text: Rich): Rich {
  return [{ kind: 'strong', pieces: text }];
}

export function joined(each: readonly Rich[], separator: string): Rich {
  return each.flatMap((rich, index) => (index === 0 ? rich : [...ours(separator), ...rich]));
}

export const nothing: Rich = ours('–');

/** For a title, or where there is no markup at all. */
export function plain(rich: Rich): string {
  return rich
    .map((piece) => {
      if (piece.kind === 'strong') return plain(piece.pieces);
      return piece.kind === 'code' ? `\`${piece.text}\`` : piece.text;
    })
    .join('');
}

function pieces(part: string | number): Rich {
  if (typeof part === 'number') return ours(String(part));
  const shown = harmless(part);
  if (shown.trim() === '') return nothing;
  const parts = shown.split('`');
  // An odd one out would turn words into names, and names into words.
  if (parts.length % 2 === 0) return [{ kind: 'told', text: parts.join("'") }];
  return parts.flatMap((text, index): Rich => {
    if (index % 2 === 1) return code(text);
    return text === '' ? [] : [{ kind: 'told', text }];
  });
}

function harmless(text: string): string {
  const shown = text.replaceAll(/[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/gu, '\ufffd');
  return shown.length > textLengthMax ? `${shown.slice(0, textLengthMax).replace(/[\uD800-\uDBFF]$/, '')}…` : shown;
}
