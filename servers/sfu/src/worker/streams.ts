/** Of which member's MediaStream each publication of a room is. */

export type PublicationStream = { readonly peerId: string; readonly stream: string };

export class Streams {
  readonly #streams = new Map<string, PublicationStream>();

  of(publication: string): PublicationStream | undefined {
    return this.#streams.get(publication);
  }

  set(publication: string, peerId: string, stream: string): void {
    this.#streams.set(publication, { peerId, stream });
  }

  delete(publication: string): void {
    this.#streams.delete(publication);
  }

  /** Of a member nothing but these: an offer that was refused may have named others. */
  keep(peerId: string, publications: ReadonlySet<string>): void {
    for (const [publication, owner] of this.#streams) {
      if (owner.peerId === peerId && !publications.has(publication)) this.#streams.delete(publication);
    }
  }
}
