/** The worker's entry: binds FrameWorker to the global scope of a dedicated worker. Bundled into source.ts by scripts/e2ee-worker.mjs. */
import { FrameWorker, type Transformer } from "./frame-worker.ts";
import type { FromWorker, ToWorker, TransformInit } from "./messages.ts";

/** The used part of DedicatedWorkerGlobalScope (TypeScript's DOM library describes a window). */
declare const self: {
  postMessage(message: FromWorker): void;
  onmessage: ((event: { readonly data: ToWorker }) => void) | null;
  onrtctransform: ((event: { readonly transformer: Transformer & { readonly options: TransformInit } }) => void) | null;
};

const worker = new FrameWorker(
  (message) => self.postMessage(message),
  () => performance.now(),
);
self.onmessage = ({ data }) => void worker.handle(data);
self.onrtctransform = ({ transformer }) => void worker.transform(transformer, transformer.options);
self.postMessage({ type: "ready" });
