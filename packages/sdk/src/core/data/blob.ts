/** What of the platform's Blob is used. Browsers and Node have it as a global; a test may write its own. */

/** The platform's Blob fits. */
export interface BlobPort {
  readonly size: number;
  readonly type: string;
  slice(start?: number, end?: number): BlobPort;
  arrayBuffer(): Promise<ArrayBuffer>;
}

/** The DOM's Blob where a program has the DOM's types, the port elsewhere. */
export type Blob = typeof globalThis extends { Blob: { prototype: infer T } } ? T : BlobPort;

/** Makes one blob of others and of bytes, in order; takes the bytes over. */
export type BlobFactory = (parts: readonly (Uint8Array | BlobPort)[], type: string) => BlobPort;

/** Absent in runtimes without it: reached only when a file arrives. */
const runtime = globalThis as unknown as { Blob: new (parts: readonly unknown[], options: { type: string }) => BlobPort };

export const platformBlob: BlobFactory = (parts, type) => new runtime.Blob(parts, { type });
