import { cutTo, padTo, widthOf } from './text.js';

export interface Column {
  title: string;
  align?: 'right';
}

/** A table without rules: two spaces between the columns, each as wide as its widest cell. */
export function renderColumns(columns: Column[], rows: string[][], width: number): string[] {
  const lines = [columns.map(({ title }) => title), ...rows];
  const widths = columns.map((_, index) => Math.max(...lines.map((cells) => widthOf(cells[index] ?? ''))));
  return lines.map((cells) => {
    const padded = columns.map(({ align }, index) => {
      const cell = cells[index] ?? '';
      const room = widths[index] ?? 0;
      return align === 'right' ? ' '.repeat(room - widthOf(cell)) + cell : padTo(cell, room);
    });
    return cutTo(padded.join('  ').trimEnd(), width);
  });
}
