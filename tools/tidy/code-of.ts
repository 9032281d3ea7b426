/**
 * A TypeScript text with its comments, strings and regular expressions blanked, so that a word in prose is not
 * mistaken for a use. Lengths and line breaks stay, so an offset in one is an offset in the other.
 *
 * No parser: TypeScript 7 has no compiler API, and four patterns suffice. What stands inside `${}` is code.
 * The surprise is the slash, which begins a regular expression only where a value cannot just have ended.
 */

const comment = /\/\/[^\n]*|\/\*[\s\S]*?(?:\*\/|$)/y;
const quoted = /(['"])(?:\\[\s\S]|(?!\1)[^\\\n])*\1?/y;
const regularExpression = /\/(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\[\n])+\//y;
/** From a backtick, or from the brace that closes a `${}`, to the next of either. */
const templatePart = /[`}](?:\\[\s\S]?|\$(?!\{)|[^\\`$])*(?:`|\$\{|$)/y;

const endsValue = /[\w$)\]}'"`]$/;
const endsKeyword = /\b(?:return|typeof|case|in|of|void|throw|await|yield|do|else)$/;

export function codeOf(text: string): string {
  let code = '';
  /** For every template literal that is open around us, how many braces are open inside its `${}`. */
  const braces: number[] = [];
  while (code.length < text.length) {
    const at = code.length;
    const char = text.charAt(at);
    if (char === '`' || (char === '}' && braces.at(-1) === 0)) {
      const part = matchAt(templatePart, text, at);
      if (char === '}') braces.pop();
      if (part.endsWith('${')) braces.push(0);
      code += hollow(part);
      continue;
    }
    const literal = matchAt(quoted, text, at) || (beginsExpression(code) ? matchAt(regularExpression, text, at) : '');
    const blank = matchAt(comment, text, at);
    if (blank !== '') code += blanked(blank);
    else if (literal !== '') code += hollow(literal);
    else {
      const depth = braces.pop();
      if (depth !== undefined) braces.push(depth + (char === '{' ? 1 : char === '}' ? -1 : 0));
      code += char;
    }
  }
  return code;
}

/** 1-based line of an offset. */
export function lineAt(text: string, offset: number): number {
  return text.slice(0, offset).split('\n').length;
}

function matchAt(pattern: RegExp, text: string, at: number): string {
  pattern.lastIndex = at;
  return pattern.exec(text)?.[0] ?? '';
}

function beginsExpression(before: string): boolean {
  const trimmed = before.slice(-200).trimEnd();
  return !endsValue.test(trimmed) || endsKeyword.test(trimmed);
}

function blanked(text: string): string {
  return text.replace(/[^\n]/g, ' ');
}

/** Only the delimiters stay, so that what follows still sees that a value has ended. */
function hollow(literal: string): string {
  return literal.length < 2
    ? literal
    : literal.charAt(0) + blanked(literal.slice(1, -1)) + literal.charAt(literal.length - 1);
}
