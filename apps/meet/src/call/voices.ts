/** Who speaks: measured in the browser in mesh rooms, told by the server in SFU rooms. */
import { useCallback, useSyncExternalStore } from "react";
import { Store } from "../state/store.ts";

export type VoicesState = {
  readonly speaking: ReadonlySet<string>;
  /** Whose turn it is: stays with the first while several speak, and through pauses. */
  readonly active: string | undefined;
};

export class Voices {
  readonly store = new Store<VoicesState>({ speaking: new Set(), active: undefined });

  /** One of them begins or stops. */
  hear(id: string, speaks: boolean): void {
    const { speaking, active } = this.store.get();
    if (speaking.has(id) === speaks) return;
    const next = new Set(speaking);
    if (speaks) next.add(id);
    else next.delete(id);
    const turn = active !== undefined && next.has(active) ? active : speaks ? id : ([...next][0] ?? active);
    this.store.set({ speaking: next, active: turn });
  }

  /** All at once, as the server tells it. */
  tell(speaking: ReadonlySet<string>): void {
    const before = this.store.get().speaking;
    if (speaking.size !== before.size || [...speaking].some((id) => !before.has(id))) this.store.set({ speaking });
  }

  setTurn(active: string | undefined): void {
    this.store.set({ active });
  }

  forget(id: string): void {
    const { speaking, active } = this.store.get();
    this.tell(new Set([...speaking].filter((each) => each !== id)));
    if (active === id) this.setTurn(undefined);
  }
}

export function useVoice(voices: Voices, id: string): boolean {
  return useSyncExternalStore(
    voices.store.subscribe,
    useCallback(() => voices.store.get().speaking.has(id), [voices, id]),
  );
}
