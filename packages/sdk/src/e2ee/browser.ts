/** The browser's encoded transforms: RTCRtpScriptTransform where it is there (webrtc-encoded-transform), else Chromium's createEncodedStreams(). */
import type { TransformTarget } from "../core/frame-transforms.ts";
import type { FramePlatform, FrameWorkerPort } from "./e2ee.ts";
import { e2eeError } from "./errors.ts";
import type { FromWorker, ToWorker, TransformInit } from "./worker/messages.ts";
import { WORKER_SOURCE } from "./worker/source.ts";

/**
 * @param workerUrl the worker's own file, for pages whose content security policy allows no `blob:` workers
 * @throws {CodedError} `e2ee.browser.unsupported`
 */
export function browserFrames(workerUrl: string | URL | undefined): FramePlatform {
  const scripts = "RTCRtpScriptTransform" in globalThis;
  const streams = "RTCRtpSender" in globalThis && "createEncodedStreams" in RTCRtpSender.prototype;
  if (!(scripts || streams) || globalThis.crypto?.subtle === undefined) {
    throw e2eeError("e2ee.browser.unsupported", undefined, {
      remedy: "Use a current Chromium, Firefox or Safari, over https or on localhost",
    });
  }
  return {
    encodedInsertableStreams: !scripts,
    createWorker({ onMessage, onError }) {
      const worker = startWorker(workerUrl);
      worker.onmessage = ({ data }: MessageEvent<FromWorker>) => onMessage(data);
      worker.onerror = (event) => {
        event.preventDefault?.();
        onError(
          e2eeError("e2ee.worker.failed", event.message || undefined, {
            remedy: "Allow `worker-src blob:` in the page's content security policy, or pass `workerUrl`",
          }),
        );
      };
      return scripts ? new ScriptWorker(worker) : new StreamWorker(worker);
    },
  };
}

function startWorker(workerUrl: string | URL | undefined): Worker {
  if (workerUrl !== undefined) return new Worker(workerUrl, { type: "module" });
  const url = URL.createObjectURL(new Blob([WORKER_SOURCE], { type: "text/javascript" }));
  const worker = new Worker(url);
  // Its first message comes when the text was read.
  worker.addEventListener("message", () => URL.revokeObjectURL(url), { once: true });
  return worker;
}

class ScriptWorker implements FrameWorkerPort {
  protected readonly worker: Worker;

  constructor(worker: Worker) {
    this.worker = worker;
  }

  post(message: ToWorker): void {
    this.worker.postMessage(message);
  }

  attach(target: TransformTarget, init: TransformInit): void {
    target.transform = new RTCRtpScriptTransform(this.worker, init);
  }

  close(): void {
    this.worker.terminate();
  }
}

class StreamWorker extends ScriptWorker {
  override attach(target: TransformTarget, init: TransformInit): void {
    const streams = target.createEncodedStreams?.();
    if (streams === undefined) throw e2eeError("e2ee.browser.unsupported");
    const readable = streams.readable as ReadableStream;
    const writable = streams.writable as WritableStream;
    this.worker.postMessage({ type: "streams", init, readable, writable } satisfies ToWorker, [readable, writable]);
  }
}
