/** Descriptions on their way to the server and back: long ones go deflated, since their hundreds of sections are nearly the same. */
import { DEFLATED_SDP_FROM, type SfuDescription } from "@tsunagi/protocol";
import type { Compression } from "../ports.ts";

type Transforms = new (format: "deflate-raw") => object;
type Body = { arrayBuffer(): Promise<ArrayBuffer>; text(): Promise<string> };
/** What browsers and Node.js both have. */
type Runtime = {
  readonly CompressionStream?: Transforms;
  readonly DecompressionStream?: Transforms;
  readonly Blob: new (parts: readonly unknown[]) => { stream(): { pipeThrough(transform: object): object } };
  readonly Response: new (body: object) => Body;
  readonly btoa: (binary: string) => string;
  readonly atob: (base64: string) => string;
};
const runtime = globalThis as unknown as Runtime;

/** Characters that one call of fromCharCode takes for sure. */
const CHUNK = 8_192;

/** The platform's own; undefined: it has none, or a part of it only. */
export function nativeCompression({ CompressionStream, DecompressionStream } = runtime): Compression | undefined {
  if (CompressionStream === undefined || DecompressionStream === undefined) return undefined;
  const through = (data: unknown, transform: object): Body =>
    new runtime.Response(new runtime.Blob([data]).stream().pipeThrough(transform));
  return {
    deflate: async (text) => {
      const bytes = new Uint8Array(await through(text, new CompressionStream("deflate-raw")).arrayBuffer());
      let binary = "";
      for (let at = 0; at < bytes.length; at += CHUNK) binary += String.fromCharCode(...bytes.subarray(at, at + CHUNK));
      return runtime.btoa(binary);
    },
    inflate: (base64) => {
      const bytes = Uint8Array.from(runtime.atob(base64), (character) => character.charCodeAt(0));
      return through(bytes, new DecompressionStream("deflate-raw")).text();
    },
  };
}

/** Says by its form whether an answer may come deflated: where it cannot be inflated, nothing is deflated either. */
export async function packDescription(sdp: string, compression = nativeCompression()): Promise<SfuDescription> {
  if (sdp.length < DEFLATED_SDP_FROM || compression === undefined) return { sdp };
  try {
    return { sdp: "", sdpDeflate: await compression.deflate(sdp) };
  } catch {
    // Older ones know other formats alone.
    return { sdp };
  }
}

export async function unpackDescription({ sdp, sdpDeflate }: SfuDescription, compression = nativeCompression()): Promise<string> {
  return sdpDeflate === undefined || compression === undefined ? sdp : compression.inflate(sdpDeflate);
}
