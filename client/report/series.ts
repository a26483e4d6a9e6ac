import type { SeriesPoint } from './shape.js';

/** A chart of a page shows no more. */
const POINTS = 500;

/** Figures over time in bounded memory: as they grow many, neighbours are taken together and the highest of them stands. */
export class Series {
  #points: SeriesPoint[] = [];
  #stride = 1;
  /** Of the last point. */
  #taken = 0;

  add(point: SeriesPoint): void {
    const last = this.#points.at(-1);
    if (last === undefined || this.#taken === this.#stride) {
      if (this.#points.length === POINTS) this.#halve();
      this.#points.push(point);
      this.#taken = 1;
      return;
    }
    this.#taken += 1;
    if (point.value > last.value) this.#points[this.#points.length - 1] = point;
  }

  points(): SeriesPoint[] {
    return [...this.#points];
  }

  #halve(): void {
    const halved: SeriesPoint[] = [];
    for (let n = 0; n < this.#points.length; n += 2) {
      const pair = this.#points.slice(n, n + 2);
      halved.push(pair.reduce((a, b) => (b.value > a.value ? b : a)));
    }
    this.#points = halved;
    this.#stride *= 2;
  }
}
