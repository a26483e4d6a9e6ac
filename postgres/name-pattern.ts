/** Name patterns as pg_dump and psql read them: `audit.*`, `temp_?`, `"Order Lines"`, `public.log_[0-9]*`. */

export interface NamePattern {
  text: string;
  matches(relation: { schema: string; name: string }): boolean;
}

const REGEX_CHARACTERS = /[|*+?()[\]{}.^$\\]/;

/** A pattern that cannot be read matches nothing, which validate reports like any other pattern without a match. */
export function parseNamePattern(text: string): NamePattern {
  const parts = partsOf(text).map(toRegExp);
  const [first, second] = parts;
  const known = parts.length <= 2 && parts.every((part) => part !== undefined);
  return {
    text,
    matches({ schema, name }) {
      if (!known || !first) return false;
      return second ? first.test(schema) && second.test(name) : first.test(name);
    },
  };
}

/** Splits at dots outside quotes, and turns each part into the source of a regular expression. */
function partsOf(text: string): string[] {
  const parts: string[] = [];
  let part = '';
  let quoted = false;
  for (let i = 0; i < text.length; i++) {
    const character = text.charAt(i);
    if (character === '"' && quoted && text.charAt(i + 1) === '"') {
      part += '"';
      i++;
    } else if (character === '"') {
      quoted = !quoted;
    } else if (!quoted && character === '.') {
      parts.push(part);
      part = '';
    } else {
      part += quoted ? literally(character) : unquoted(character);
    }
  }
  return [...parts, part];
}

function unquoted(character: string): string {
  if (character === '*') return '.*';
  if (character === '?') return '.';
  // A dollar sign is an ordinary character of a name, and of no use in an anchored expression.
  if (character === '$') return '\\$';
  return character.toLowerCase();
}

function literally(character: string): string {
  return REGEX_CHARACTERS.test(character) ? `\\${character}` : character;
}

function toRegExp(source: string): RegExp | undefined {
  try {
    return new RegExp(`^(?:${source})$`, 's');
  } catch {
    return undefined;
  }
}
