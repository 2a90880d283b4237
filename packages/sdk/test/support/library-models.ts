/** How the other libraries frame messages, as models around the packages that they pack with. */
import { ORACLES } from "./binarypack-oracles.ts";

type Fields = Readonly<Record<string, unknown>>;
const join = (parts: readonly ArrayBuffer[]) => new Uint8Array(Buffer.concat(parts.map((part) => new Uint8Array(part))));

export const MODELS = {
  skyway: {
    /** Parts as skyway-js sends them. */
    async frames(value: unknown, partBytes = 16_190): Promise<Uint8Array<ArrayBuffer>[]> {
      const packed = await ORACLES.skyway.pack(value);
      const totalParts = Math.ceil(packed.length / partBytes);
      const { name, type: mimeType } = value as { readonly name?: string; readonly type?: string };
      const type = (value as object).constructor.name;
      const meta = {
        id: Math.random().toString(36).slice(2).padEnd(16, "0").slice(0, 16),
        type,
        size: packed.length,
        totalParts,
        ...(type === "File" ? { name } : {}),
        ...(value instanceof Blob ? { mimeType } : {}),
      };
      const part = (index: number) =>
        ORACLES.skyway.pack({ ...meta, index, data: packed.slice(index * partBytes, (index + 1) * partBytes) });
      return Promise.all(Array.from({ length: totalParts }, (_, index) => part(index)));
    },
    /** What a skyway-js page gets. */
    read(frames: readonly Uint8Array[]): unknown[] {
      const pending = new Map<unknown, { meta: Fields; parts: ArrayBuffer[]; count: number }>();
      const values: unknown[] = [];
      for (const frame of frames) {
        if (frame.length > 16 * 1024) throw new Error("a frame of more than 16 KiB");
        const meta = ORACLES.skyway.unpack(frame) as Fields;
        const message = pending.get(meta.id) ?? { meta, parts: [], count: 0 };
        pending.set(meta.id, message);
        message.parts[meta.index as number] = meta.data as ArrayBuffer;
        message.count += 1;
        if (message.count !== meta.totalParts) continue;
        pending.delete(meta.id);
        const value = ORACLES.skyway.unpack(join(message.parts)) as ArrayBuffer;
        const type = { type: String(meta.mimeType) };
        if (meta.type === "Blob") values.push(new Blob([new Uint8Array(value)], type));
        else if (meta.type === "File") values.push(new File([new Uint8Array(value)], String(meta.name), type));
        else values.push(value);
      }
      return values;
    },
  },
  peerjs: {
    async frames(value: unknown): Promise<Uint8Array<ArrayBuffer>[]> {
      const packed = await ORACLES.peerjs.pack(value);
      if (packed.length <= 16_300) return [packed];
      const total = Math.ceil(packed.length / 16_300);
      const chunk = (n: number) =>
        ORACLES.peerjs.pack({ __peerData: 7, n, data: packed.slice(n * 16_300, (n + 1) * 16_300), total });
      return Promise.all(Array.from({ length: total }, (_, n) => chunk(n)));
    },
    read(frames: readonly Uint8Array[]): unknown[] {
      const pending = new Map<unknown, { parts: ArrayBuffer[]; count: number }>();
      const values: unknown[] = [];
      const take = (bytes: Uint8Array) => {
        const value = ORACLES.peerjs.unpack(bytes) as Fields;
        // As the library does, also where that throws.
        const about = value.__peerData;
        if (about === undefined) {
          values.push(value);
          return;
        }
        const message = pending.get(about) ?? { parts: [], count: 0 };
        pending.set(about, message);
        message.parts[value.n as number] = value.data as ArrayBuffer;
        message.count += 1;
        if (message.count !== value.total) return;
        pending.delete(about);
        take(join(message.parts));
      };
      for (const frame of frames) take(frame);
      return values;
    },
  },
} as const;
