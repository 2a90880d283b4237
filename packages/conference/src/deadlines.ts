/** Timers as data: a heap of deadlines with what is due at each. The shell keeps one real timer for the earliest. */
import type { Millis } from "@tsunagi/base";

export type Deadline<Item> = { readonly at: Millis; item: Item | undefined };

export class Deadlines<Item> {
  #heap: Deadline<Item>[] = [];
  #cancelled = 0;

  /** The earliest deadline that still stands. */
  get next(): Millis | undefined {
    this.#dropCancelledHead();
    return this.#heap[0]?.at;
  }

  get size(): number {
    return this.#heap.length - this.#cancelled;
  }

  set(at: Millis, item: Item): Deadline<Item> {
    const deadline = { at, item };
    this.#heap.push(deadline);
    this.#rise(this.#heap.length - 1);
    return deadline;
  }

  /** Idempotent. */
  cancel(deadline: Deadline<Item> | undefined): void {
    if (deadline?.item === undefined) return;
    deadline.item = undefined;
    this.#cancelled += 1;
    // Sessions that come and go would else fill the heap with deadlines that nobody waits for.
    if (this.#cancelled > 64 && this.#cancelled > this.#heap.length / 2) this.#compact();
  }

  /** Takes out the earliest item that is due; undefined: none is. */
  takeDue(now: Millis): Item | undefined {
    this.#dropCancelledHead();
    const head = this.#heap[0];
    if (head === undefined || head.at > now) return undefined;
    const item = head.item;
    head.item = undefined;
    this.#removeHead();
    return item;
  }

  #dropCancelledHead(): void {
    while (this.#heap.length > 0 && this.#heap[0]?.item === undefined) {
      this.#removeHead();
      this.#cancelled -= 1;
    }
  }

  #removeHead(): void {
    const last = this.#heap.pop();
    if (last === undefined || this.#heap.length === 0) return;
    this.#heap[0] = last;
    this.#sink(0);
  }

  #compact(): void {
    this.#heap = this.#heap.filter((deadline) => deadline.item !== undefined);
    this.#cancelled = 0;
    for (let index = (this.#heap.length >> 1) - 1; index >= 0; index -= 1) this.#sink(index);
  }

  #rise(index: number): void {
    let child = index;
    while (child > 0) {
      const parent = (child - 1) >> 1;
      if (!this.#swapIfEarlier(child, parent)) return;
      child = parent;
    }
  }

  #sink(index: number): void {
    let parent = index;
    for (;;) {
      const left = 2 * parent + 1;
      const right = left + 1;
      const smaller = this.#at(right) < this.#at(left) ? right : left;
      if (!this.#swapIfEarlier(smaller, parent)) return;
      parent = smaller;
    }
  }

  #at(index: number): number {
    return this.#heap[index]?.at ?? Number.POSITIVE_INFINITY;
  }

  #swapIfEarlier(child: number, parent: number): boolean {
    const [below, above] = [this.#heap[child], this.#heap[parent]];
    if (below === undefined || above === undefined || below.at >= above.at) return false;
    this.#heap[child] = above;
    this.#heap[parent] = below;
    return true;
  }
}
