/** A peer whose rooms are full of drawn people. */
import { FakeEmitter } from "./emitter.ts";
import { FakeRoom } from "./fake-room.ts";

export class FakePeer extends FakeEmitter {
  constructor() {
    super();
    setTimeout(() => this.emit("open", "me"));
  }

  /** `people-50`: with that many others. `empty`: with none. */
  joinRoom(name: string, options: Readonly<Record<string, unknown>>): FakeRoom {
    return new FakeRoom(name, options);
  }

  connect(): never {
    throw new Error("no data connections here");
  }

  destroy(): void {}
}
