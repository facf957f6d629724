/** Ranks 0 … count-1, where rank r comes with a probability proportional to 1/(r+1)^exponent (Zipf's law). */
export class Zipf {
  readonly #cumulated: Float64Array;

  constructor(count: number, exponent: number) {
    this.#cumulated = new Float64Array(count);
    let sum = 0;
    for (let rank = 0; rank < count; rank += 1) {
      sum += (rank + 1) ** -exponent;
      this.#cumulated[rank] = sum;
    }
  }

  /** The rank at `u` of [0, 1). */
  rank(u: number): number {
    const wanted = u * this.#cumulated.at(-1)!;
    let low = 0;
    let high = this.#cumulated.length - 1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#cumulated[middle]! > wanted) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}
