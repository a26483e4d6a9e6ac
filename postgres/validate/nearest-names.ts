/** Existing names that a misspelt pattern may mean. */

/** At most three names, nearest first; none that differs in more than a third of the name's characters. */
export function nearestNames(pattern: string, names: string[]): string[] {
  const plain = pattern.replaceAll(/["*?]/g, '').toLowerCase();
  const withSchema = plain.includes('.');
  const telling = plain.slice(plain.indexOf('.') + 1) || plain;
  const limit = Math.max(1, Math.floor(telling.length / 3));
  return names
    .map((name) => {
      const compared = (withSchema ? name : name.slice(name.indexOf('.') + 1)).toLowerCase();
      // A pattern that ends in a wildcard is compared with as much of the name.
      const part = /\*"?$/.test(pattern) ? compared.slice(0, plain.length) : compared;
      return { name, distance: editDistance(plain, part) };
    })
    .filter(({ distance }) => distance <= limit)
    .sort((a, b) => a.distance - b.distance)
    .slice(0, 3)
    .map(({ name }) => name);
}

/** How many characters are to be added, removed, replaced, or swapped with their neighbour, to make `a` into `b`. */
function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const isSwapped = a.charAt(i - 1) === b.charAt(j - 2) && a.charAt(i - 2) === b.charAt(j - 1);
      row.push(
        Math.min(
          (last[j - 1] ?? 0) + (a.charAt(i - 1) === b.charAt(j - 1) ? 0 : 1),
          (last[j] ?? 0) + 1,
          (row[j - 1] ?? 0) + 1,
          isSwapped && i > 1 && j > 1 ? (beforeLast[j - 2] ?? 0) + 1 : Infinity,
        ),
      );
    }
    [beforeLast, last] = [last, row];
  }
  return last[b.length] ?? 0;
}
